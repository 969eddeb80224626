"""``python -m resift``: the command line, which is a package of its own."""

from __future__ import annotations

import sys

try:
    from resift_cli import main
except ModuleNotFoundError as error:
    if error.name != "resift_cli":
        raise
    sys.exit("Error: The command line is not installed: pip install 'resift[cli]'")

main(prog_name="resift")

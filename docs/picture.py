"""The README's picture: what `resift demo` shows on a terminal of 80 columns, as SVG.

Run it where resift-static is installed, after a change of what the demo shows::

    python docs/picture.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).with_name("demo.svg")
QUESTION = "how many days does a month have"


def main() -> None:
    """Run the demo and draw it."""
    command = [sys.executable, "-m", "resift", "demo", "--query", QUESTION]
    variables = {**os.environ, "COLUMNS": "80", "FORCE_COLOR": "1", "NO_COLOR": ""}
    done = subprocess.run(  # noqa: S603  # our own command
        command,
        env=variables,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    shown = done.stdout.partition("Now try")[0].rstrip()
    shown = re.sub(r", read and indexed in [\d.]+ s", "", shown)  # this machine's time
    terminal = Console(record=True, width=80, file=StringIO(), force_terminal=True)
    terminal.print(Text.from_ansi(shown))
    svg = terminal.export_svg(title="resift demo", unique_id="demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # of a server
    lines = [line.rstrip() for line in svg.splitlines()]
    PICTURE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

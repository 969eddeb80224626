"""``python -m resift``: the command line."""

from resift.cli import main

main(prog_name="resift")

"""For authors of commands: what a command of another package may use of ours.

A command that takes a reranker by name, reads the config that applies, and prints as
`resift` itself does behaves like one of its own. These names stay.
"""

from __future__ import annotations

from resift_cli.output import (
    console,
    is_terminal,
    json_option,
    note,
    progress_console,
    write_json,
    write_rows,
)
from resift_cli.parameters import (
    RerankerName,
    config_option,
    find_config,
    options_option,
)

__all__ = [
    "RerankerName",
    "config_option",
    "console",
    "find_config",
    "is_terminal",
    "json_option",
    "note",
    "options_option",
    "progress_console",
    "write_json",
    "write_rows",
]

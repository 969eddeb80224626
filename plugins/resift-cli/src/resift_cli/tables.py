"""Tables for a terminal of any width: one column gives way first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

__all__ = ["aligned"]

_GAP = 2
_LEAST = 12  # columns that the stretched one keeps while others can give way


def aligned(
    header: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    width: int,
    stretch: int,
    styles: Sequence[str] = (),
    right: Sequence[int] = (),
) -> Table:
    """Lay out *rows*; the column *stretch* is cut to the width that the others leave.

    Where too little is left, the widest column is cut, whichever that is.

    Args:
        header: The columns' names.
        rows: The cells, strings or rich texts; strings are shown as they are.
        width: Columns of the terminal.
        stretch: Index of the column that gives way.
        styles: Styles of the columns, from the first on.
        right: Indices of the columns aligned to the right.
    """
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    cells = [[Text(c) if isinstance(c, str) else c for c in row] for row in rows]
    widths = [
        max(cell_len(name), *(row[index].cell_len for row in cells))
        for index, name in enumerate(header)
    ]
    room = width - _GAP * (len(header) - 1)
    left = room - sum(widths) + widths[stretch]
    widths[stretch] = min(widths[stretch], max(left, _LEAST))
    while sum(widths) > max(room, len(widths) * _LEAST // 2):
        widths[widths.index(max(widths))] -= 1
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, _GAP, 0, 0))
    for index, name in enumerate(header):
        table.add_column(
            name,
            style=styles[index] if index < len(styles) else "",
            justify="right" if index in right else "left",
            min_width=widths[index],
            max_width=widths[index],
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in cells:
        table.add_row(*row)
    return table

"""The comparison table on a terminal."""

from __future__ import annotations

import rich.table
from rich import box
from rich.console import Console, Group, RenderableType
from rich.text import Text

from spleeter_bench.report.table import Table

PIPE_WIDTH = 160
"""Columns used where no terminal sets a limit."""
LEAST_WIDTH = 80
"""On a narrower terminal lines run over, because the other way out is to cut numbers short."""
ONE_LINE_WIDTH = 120
"""From here on a row is one line; below, cells break where they may."""


def render_text(table: Table, *, break_cells: bool = False) -> RenderableType:
    """Something rich can print; text is shown literally, whatever brackets a system's name holds."""
    grid = rich.table.Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    grid.add_column(Text(table.columns[0]), vertical="bottom", overflow="fold")
    for column in table.columns[1:]:
        grid.add_column(Text(column), justify="right", no_wrap=True)
    for row in table.rows:
        grid.add_row(*(Text(cell if break_cells else cell.replace("\n", " ")) for cell in row))
    notes = [Text(f"* {note}", style="dim") for note in table.footnotes]
    return Group(Text(table.title, style="bold"), Text(), grid, Text(), *notes)


def print_text(table: Table, console: Console | None = None) -> None:
    """Print to `console`, by default standard output."""
    console = console or Console()
    console.width = max(console.width, LEAST_WIDTH) if console.is_terminal else PIPE_WIDTH
    console.print(render_text(table, break_cells=console.width < ONE_LINE_WIDTH))

"""The comparison table in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from spleeter_bench.report.table import Table


def render_markdown(table: Table) -> str:
    """A heading line, a pipe table and the footnotes as a list; ends in a newline."""
    lines = [
        f"**{_escape(table.title)}**",
        "",
        _line([column.replace("\n", " ") for column in table.columns]),
        _line(["---", *["---:"] * (len(table.columns) - 1)]),
        *(_line([_code(row[0]), *map(_escape, row[1:])]) for row in table.rows),
        "",
        *(f"- {_escape(note)}" for note in table.footnotes),
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"


def _escape(text: str) -> str:
    text = text.replace("\n", " ")
    for character in "\\|*_`<[":
        text = text.replace(character, f"\\{character}")
    return text

"""The tables of a run next to its records."""

from __future__ import annotations

from pathlib import Path

from spleeter_bench.aggregate import Summaries
from spleeter_bench.files import write_text
from spleeter_bench.report.csv import render_csv, render_pairs_csv
from spleeter_bench.report.markdown import render_markdown
from spleeter_bench.report.table import make_table


def save_tables(summaries: Summaries, folder: Path) -> tuple[Path, ...]:
    """Write `table.md`, `table.csv` and `pairs.csv`, replacing older ones; returns their paths.

    Raises:
        BenchError: the folder cannot be written.
    """
    texts = {
        "table.md": render_markdown(make_table(summaries)),
        "table.csv": render_csv(summaries),
        "pairs.csv": render_pairs_csv(summaries),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return tuple(folder / name for name in texts)

"""The tables of a run next to its records."""

from __future__ import annotations

import os
from pathlib import Path

from spleeter_bench.aggregate import Summaries
from spleeter_bench.errors import BenchError
from spleeter_bench.report.csv import render_csv
from spleeter_bench.report.markdown import render_markdown
from spleeter_bench.report.table import make_table


def save_tables(summaries: Summaries, folder: Path) -> tuple[Path, ...]:
    """Write `table.md` and `table.csv`, replacing older ones; returns their paths.

    Raises:
        BenchError: the folder cannot be written.
    """
    texts = {"table.md": render_markdown(make_table(summaries)), "table.csv": render_csv(summaries)}
    for name, text in texts.items():
        _replace(folder / name, text)
    return tuple(folder / name for name in texts)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        os.replace(temporary, path)
    except OSError as error:
        raise BenchError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        temporary.unlink(missing_ok=True)

"""Records to tables: terminal, Markdown, CSV, LaTeX. Computes no metric."""

from spleeter_bench.report.csv import render_csv, render_pairs_csv
from spleeter_bench.report.latex import render_latex
from spleeter_bench.report.markdown import render_markdown
from spleeter_bench.report.pairs import make_pairs_table
from spleeter_bench.report.save import save_tables
from spleeter_bench.report.table import PAPER_METRICS, TITLES, Column, Table, known_metrics, make_full_table, make_table
from spleeter_bench.report.text import print_text, render_text

__all__ = [
    "PAPER_METRICS",
    "TITLES",
    "Column",
    "Table",
    "known_metrics",
    "make_full_table",
    "make_pairs_table",
    "make_table",
    "print_text",
    "render_csv",
    "render_latex",
    "render_markdown",
    "render_pairs_csv",
    "render_text",
    "save_tables",
]

"""Records to tables: terminal, Markdown, CSV. Computes no metric."""

from spleeter_bench.report.csv import render_csv
from spleeter_bench.report.markdown import render_markdown
from spleeter_bench.report.save import save_tables
from spleeter_bench.report.table import Table, make_table
from spleeter_bench.report.text import print_text, render_text

__all__ = ["Table", "make_table", "print_text", "render_csv", "render_markdown", "render_text", "save_tables"]

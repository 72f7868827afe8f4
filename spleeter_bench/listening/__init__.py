"""What listeners said in the page's blind tests: read, pooled, told in tables. Computes no metric of signals."""

from spleeter_bench.listening.pool import Opinion, Opinions, Told, pool, screen
from spleeter_bench.listening.results import (
    FILE_NAME,
    Answer,
    Listening,
    Rating,
    read_of_run,
    read_results,
    write_results,
)
from spleeter_bench.listening.tables import listening_tables, rating_column

__all__ = [
    "FILE_NAME",
    "Answer",
    "Listening",
    "Opinion",
    "Opinions",
    "Rating",
    "Told",
    "listening_tables",
    "pool",
    "rating_column",
    "read_of_run",
    "read_results",
    "screen",
    "write_results",
]

"""Text files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from spleeter_bench.errors import BenchError


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text under a temporary name and give it its name; the folder is made.

    Raises:
        BenchError: it cannot be written; what was there stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8", newline="")
        os.replace(temporary, path)
    except OSError as error:
        raise BenchError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        temporary.unlink(missing_ok=True)

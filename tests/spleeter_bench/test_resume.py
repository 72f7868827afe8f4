"""Runs that are killed, and a Dask worker that is lost, end with the very tables of a run left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "check_resume"


def test_killing_changes_no_result(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    sizes = ["--tracks", "3", "--seconds", "2", "--systems", "mixture", "mid", "--kills", "2"]
    command = [sys.executable, str(TOOL), str(tmp_path), *sizes]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "undisturbed: 6 results" in done.stdout
    assert "equal: 22 tables and files of 6 results, killed 2 times, and with a lost worker" in done.stdout

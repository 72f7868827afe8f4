"""What a command costs as a whole process, from its start to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spleeter_bench import systems
from spleeter_bench.errors import SystemFailedError

_MEASURED = Path(systems.__path__[0]) / "measured_command.py"


@dataclass(frozen=True)
class Cost:
    """Of one process and those it started."""

    seconds: float
    """Wall time."""
    cpu_seconds: float
    """Of all threads, in user and system mode."""
    peak_memory: int
    """Highest resident memory, bytes."""


def run_measured(command: Sequence[str], variables: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end.

    Args:
        command: program and arguments.
        variables: its environment; None is this process's.

    Raises:
        SystemFailedError: it did not end with exit code 0; the message has its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "cost.json"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_MEASURED), str(report), *command],
            stdin=subprocess.PIPE,  # stays open: when it closes, the command is ended
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(os.environ if variables is None else variables),
            start_new_session=True,
            text=True,
            errors="replace",
        )
        try:
            assert process.stderr is not None
            said = process.stderr.read().strip().splitlines() or ["it said nothing"]
            process.wait()
            cost = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {"exit": process.returncode}
        finally:
            assert process.stdin is not None
            process.stdin.close()
    if cost["exit"] != 0:
        raise SystemFailedError(f"{command[0]}: ended with exit code {cost['exit']}: {said[-1]}")
    return Cost(cost["seconds"], cost["cpu_seconds"], cost["peak_memory"])

"""A command of somebody else's, run to its end with what it cost; nothing of it is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MEASURE = Path(__file__).with_name("measured_command.py")
_TAIL_BYTES = 8192


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it cost with all that it started."""

    seconds: float = 0.0
    """Wall time."""
    cpu_seconds: float = 0.0
    """Of all threads, in user and system mode."""
    peak_memory: int = 0
    """Highest resident memory of the largest of its processes, bytes."""
    fault: str = ""
    """`exit code 3`, the name of a signal, or `killed` where not even that is known; empty where all is well."""
    last_words: str = ""
    """The last line it printed."""


class MeasuredCommand:
    """Starts a command, which ends with this object at the latest.

    Args:
        command: program and arguments.
        folder: for what it prints and what it cost.
        variables: its environment; None is this process's.
    """

    def __init__(self, command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self._report, self._printed = folder / "cost.json", folder / "printed"
        words = [sys.executable, "-I", "-S", str(_MEASURE), str(self._report), *command]
        with self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,  # stays open: when it closes, the command is ended
                stdout=printed,
                stderr=printed,
                env=None if variables is None else dict(variables),
                start_new_session=True,
            )

    def wait(self, timeout: float | None = None) -> Ended:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it did not end within `timeout` seconds.
        """
        try:
            self._process.wait(timeout)
        finally:
            # what the command left running would go on beside the next one
            self.close()
        if not self._report.exists():
            return Ended(fault="killed", last_words=self._last_words())
        cost = json.loads(self._report.read_text(encoding="utf-8"))
        code = cost.pop("exit")
        fault = "" if code == 0 else f"exit code {code}" if code > 0 else signal.Signals(-code).name
        return Ended(**cost, fault=fault, last_words=self._last_words())

    def close(self) -> None:
        """End it and all that it started; calling it twice is fine."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _last_words(self) -> str:
        with self._printed.open("rb") as printed:
            size = printed.seek(0, os.SEEK_END)
            printed.seek(max(0, size - _TAIL_BYTES))
            lines = [line.strip() for line in printed.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

"""What a command costs as a whole process, from its start to its end."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from spleeter_bench.errors import SystemFailedError
from spleeter_bench.systems.measured import Ended, MeasuredCommand


def run_measured(command: Sequence[str], variables: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end.

    Args:
        command: program and arguments.
        variables: its environment; None is this process's.

    Raises:
        SystemFailedError: it did not end with exit code 0; the message has its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        ended = MeasuredCommand(command, Path(folder), variables).wait()
    if ended.fault:
        raise SystemFailedError(f"{command[0]}: ended with {ended.fault}: {ended.last_words or 'it said nothing'}")
    return ended

"""Modules of this project run in a process of their own, since the benchmark's does not load TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from spleeter_bench.errors import BenchError


def run_module(*arguments: str, failed: str, variables: Mapping[str, str] | None = None) -> str:
    """`python -m ARGUMENTS` to its end.

    Args:
        arguments: the module's name and its arguments.
        failed: what the error's message begins with.
        variables: environment variables beside this process's.

    Returns:
        What it printed.

    Raises:
        BenchError: it ended with another exit code than 0; the message has its last line.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(variables or {})}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise BenchError(f"{failed}: {reason[-1].removeprefix('error: ')}")
    return done.stdout

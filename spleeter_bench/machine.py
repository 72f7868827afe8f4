"""Where a number was measured: the machine and the code, as far as a reader needs them to judge a timing."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path


def machine_facts() -> Mapping[str, str | int]:
    """Processors this process may use and what they are, Python and platform; no host or user names."""
    # a container or `taskset` may leave fewer processors than the machine has
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "cpu_count": usable,
        "cpu": _cpu(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _cpu() -> str:
    """The processor's name where Linux tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def git_commit(package: Path = Path(__file__).parent) -> str | None:
    """Commit of the checkout this package runs from, "+changes" added if tracked files differ; None when installed."""
    root = package.parent
    top = _git(root, "rev-parse", "--show-toplevel")
    # an installed package may lie in somebody else's repository, whose commit says nothing
    if top is None or Path(top).resolve() != root.resolve():
        return None
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    """Output of a git command, None where git is missing or has no answer."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

"""The Python environment of the original Spleeter 2.4.2, whose pins cannot live beside current TensorFlow."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pooch
from rich.console import Console

from spleeter_bench.errors import SystemUnavailableError
from vocal_unet.lock import locked

SPLEETER_VERSION = "2.4.2"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PYTHON_VERSIONS = ("3.11", "3.10", "3.9", "3.8")
_COMPLETE = ".complete"
_CHECK = "import importlib.metadata, spleeter.separator; print(importlib.metadata.version('spleeter'))"


def cache_folder() -> Path:
    """Where the benchmark keeps what is expensive to make: $SPLEETER_BENCH_CACHE or the user's cache folder."""
    return Path(os.environ.get("SPLEETER_BENCH_CACHE") or pooch.os_cache("spleeter-bench")).absolute()


def environment_folder() -> Path:
    """Folder of the environment; another lock file of requirements means another folder."""
    return cache_folder() / f"spleeter-{SPLEETER_VERSION}-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"


def ensure_environment(progress: bool | None = None) -> Path:
    """Make the environment unless it is there; two processes at once make it once.

    Virtual environments do not survive a rename, so it is made in place and counts only once a marker lies in it; a
    broken or half-made one is made anew.

    Args:
        progress: show a spinner on standard error; by default only where that is a terminal.

    Returns:
        Path of its Python.

    Raises:
        SystemUnavailableError: uv or Python is missing, a download failed or Spleeter does not import there.
    """
    folder = environment_folder()
    python = folder / "bin" / "python"
    if _usable(folder, python):
        return python
    try:
        with locked(folder.with_name(f"{folder.name}.lock")):
            if not _usable(folder, python):
                _build(folder, python, progress)
    except OSError as error:
        raise SystemUnavailableError(
            f"the environment of Spleeter {SPLEETER_VERSION} cannot be made in {folder.parent} "
            f"({error.strerror or error}); point SPLEETER_BENCH_CACHE at a folder that can be written to"
        ) from error
    return python


def remove_environment() -> None:
    """Delete the environment, if there is one; the next use makes it anew."""
    folder = environment_folder()
    with locked(folder.with_name(f"{folder.name}.lock")):
        if folder.exists():
            shutil.rmtree(folder)


def isolated_variables() -> dict[str, str]:
    """This process's environment variables without those that would lead another Python to this one's packages."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    variables.pop("VIRTUAL_ENV", None)
    variables.pop("CONDA_PREFIX", None)
    return {**variables, "PYTHONNOUSERSITE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def find_uv() -> str:
    """Path of the uv program that came with the `uv` package.

    Raises:
        SystemUnavailableError: there is none.
    """
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        raise SystemUnavailableError(
            f"uv, which makes the environment of Spleeter {SPLEETER_VERSION}, is missing; install it: pip install uv"
        ) from None


def _usable(folder: Path, python: Path) -> bool:
    """The marker is written last; the link to Python dangles once that Python is uninstalled."""
    return (folder / _COMPLETE).exists() and python.exists()


def _build(folder: Path, python: Path, progress: bool | None) -> None:
    uv = find_uv()
    if folder.exists():
        shutil.rmtree(folder)
    try:
        with _status(f"making the environment of Spleeter {SPLEETER_VERSION} in {folder} (once, about 2 GB)", progress):
            _run([uv, "venv", "--quiet", "--no-project", "--python", _choose_python(uv), str(folder)])
            install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--no-deps", "--require-hashes"]
            _run([*install, "--python", str(python), "--requirement", str(REQUIREMENTS)])
            found = _run([str(python), "-c", _CHECK]).split()[-1:]
        if found != [SPLEETER_VERSION]:
            raise SystemUnavailableError(f"{folder} should hold Spleeter {SPLEETER_VERSION} but says {found}")
        (folder / _COMPLETE).touch()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _choose_python(uv: str) -> str:
    """An installed Python that Spleeter runs on, or else the version uv shall download."""
    for version in PYTHON_VERSIONS:
        find = [uv, "python", "find", "--quiet", "--no-project", "--system", "--no-python-downloads", version]
        found = subprocess.run(find, capture_output=True, text=True, env=isolated_variables(), stdin=subprocess.DEVNULL)
        if found.returncode == 0:
            return found.stdout.strip()
    return PYTHON_VERSIONS[0]


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=isolated_variables(), stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemUnavailableError(
            f"the environment of Spleeter {SPLEETER_VERSION} could not be made ({_summary(done.stderr)}); "
            "it needs a network once; try again with: spleeter-bench setup"
        )
    return done.stdout


def _summary(text: str) -> str:
    """uv's explanation, which it draws as a tree over several lines, in one line; of a traceback the last line."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).strip()
    if "Traceback (most recent call last)" in plain:
        plain = plain.splitlines()[-1]
    return " ".join(re.sub(r"[×╰─▶├│]", " ", plain).split())[:400]


def _status(message: str, progress: bool | None) -> AbstractContextManager:
    console = Console(stderr=True, highlight=False)
    wanted = console.is_terminal if progress is None else progress
    return console.status(message) if wanted else nullcontext()

"""Any separator that has a command line: the song goes in as a wav file, the stems are looked for in a folder."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import string
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from spleeter_bench.errors import BenchError, SystemFailedError, SystemUnavailableError
from spleeter_bench.estimates import SUFFIXES, read_stems
from spleeter_bench.systems.base import Separation, System, SystemInfo
from vocal_unet import write_audio

PLACEHOLDERS = ("input", "output", "name")
COST_NOTE = (
    "its time and memory are those of the whole command: starting it, loading its model, reading and writing files"
)
_MEASURE = Path(__file__).with_name("measured_command.py")
_TAIL_BYTES = 8192


class CommandSystem(System):
    """`cmd:"PROGRAM … {input} {output} …"`, started once per song, without a shell.

    `{input}` is a 32-bit float wav file, `{output}` an empty folder the program leaves `vocals.*` in, at any depth,
    with its other stems beside it; `{name}` is the song's name.
    """

    def __init__(self, spec: str, template: str, *, timeout: float) -> None:
        """
        Raises:
            BenchError: the template cannot be read, or lacks `{input}` or `{output}`.
        """
        self.spec = spec
        self._timeout = timeout
        self._words = _parse(template)
        self._process: subprocess.Popen | None = None

    def start(self) -> SystemInfo:
        program = self._words[0]
        if shutil.which(program) is None:
            raise SystemUnavailableError(f"{self.spec}: there is no program {program}; install it or give its path")
        return SystemInfo(self.spec, None, cost_note=COST_NOTE)

    def separate(
        self, mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray] | None = None, name: str = ""
    ) -> Separation:
        with tempfile.TemporaryDirectory(prefix="spleeter-bench-") as folder:
            song, output = Path(folder) / "song.wav", Path(folder) / "output"
            write_audio(song, mixture, sample_rate, sample_format="float32")
            output.mkdir()
            values = {"input": str(song), "output": str(output), "name": name}
            seconds, memory = self._measure([word.format(**values) for word in self._words], Path(folder), name)
            found = [
                path for path in sorted(output.rglob("vocals.*")) if path.is_file() and path.suffix.lower() in SUFFIXES
            ]
            if len(found) != 1:
                where = "no vocals" if not found else " and ".join(str(path.relative_to(output)) for path in found)
                raise SystemFailedError(
                    f"{self._about(name)}: left {where} in {{output}}; it should leave one vocals.*"
                )
            return Separation(read_stems(found[0].parent, sample_rate, mixture.shape), seconds, memory)

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _measure(self, command: Sequence[str], folder: Path, name: str) -> tuple[float, int]:
        """Run to the end; seconds and peak memory in bytes (of the largest of its processes)."""
        report = folder / "cost.json"
        words = [sys.executable, "-I", "-S", str(_MEASURE), str(report), *command]
        with open(folder / "stderr", "w+b") as stderr:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=stderr, stderr=stderr, start_new_session=True
            )
            try:
                self._process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                raise SystemFailedError(
                    f"{self._about(name)}: the command did not end within {self._timeout:g} seconds"
                ) from None
            finally:
                # what the command left running would go on beside the next song
                self.close()
            if not report.exists():
                raise SystemFailedError(f"{self._about(name)}: the command was killed{_last_words(stderr)}")
            cost = json.loads(report.read_text(encoding="utf-8"))
            if cost["exit"] != 0:
                end = f"exit code {cost['exit']}" if cost["exit"] > 0 else signal.Signals(-cost["exit"]).name
                raise SystemFailedError(f"{self._about(name)}: the command ended with {end}{_last_words(stderr)}")
        return float(cost["seconds"]), int(cost["peak_memory"])

    def _about(self, name: str) -> str:
        return f"{self.spec} on {name}" if name else self.spec


def _parse(template: str) -> list[str]:
    try:
        words = shlex.split(template)
        fields = {field for word in words for _, field, _, _ in string.Formatter().parse(word) if field is not None}
    except ValueError as error:
        raise BenchError(
            f"cmd:{template}: cannot be read ({error}); literal braces are written {{{{ and }}}}"
        ) from None
    unknown = sorted(fields - set(PLACEHOLDERS))
    if unknown:
        raise BenchError(
            f"cmd:{template}: unknown placeholder {{{unknown[0]}}}; known: {{input}}, {{output}}, {{name}}"
        )
    for needed in ("input", "output"):
        if needed not in fields:
            raise BenchError(f"cmd:{template}: has no {{{needed}}}; it stands for the song's file or the stems' folder")
    return words


def _last_words(stderr: BinaryIO) -> str:
    size = stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, size - _TAIL_BYTES))
    lines = [line.strip() for line in stderr.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return f"; its last words: {lines[-1][:300]}" if lines else ""

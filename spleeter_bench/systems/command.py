"""Any separator that has a command line: the song goes in as a wav file, the stems are looked for in a folder."""

from __future__ import annotations

import shlex
import shutil
import string
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from spleeter_bench.errors import BenchError, SystemFailedError, SystemUnavailableError
from spleeter_bench.estimates import SUFFIXES, read_stems
from spleeter_bench.systems.base import Separation, System, SystemInfo
from spleeter_bench.systems.measured import MeasuredCommand
from vocal_unet import write_audio

PLACEHOLDERS = ("input", "output", "name")
COST_NOTE = (
    "its time and memory are those of the whole command: starting it, loading its model, reading and writing files"
)


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
        self._running: MeasuredCommand | None = None

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
        running, self._running = self._running, None
        if running is not None:
            running.close()

    def _measure(self, command: Sequence[str], folder: Path, name: str) -> tuple[float, int]:
        """Run to the end; seconds and peak memory in bytes (of the largest of its processes)."""
        self._running = MeasuredCommand(command, folder)
        try:
            ended = self._running.wait(self._timeout)
        except subprocess.TimeoutExpired:
            raise SystemFailedError(
                f"{self._about(name)}: the command did not end within {self._timeout:g} seconds"
            ) from None
        finally:
            self.close()
        if ended.fault:
            end = "was killed" if ended.fault == "killed" else f"ended with {ended.fault}"
            last = f"; its last words: {ended.last_words}" if ended.last_words else ""
            raise SystemFailedError(f"{self._about(name)}: the command {end}{last}")
        return ended.seconds, ended.peak_memory

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

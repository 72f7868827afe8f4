"""What `vocal-unet separate` tells: paths and a progress bar for people, JSON lines for programs."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import TaskID

from vocal_unet import console
from vocal_unet.errors import VocalUnetError

if TYPE_CHECKING:
    from vocal_unet.stem_files import WrittenStems


@dataclass
class Outcome:
    """How the songs of a run ended."""

    done: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, VocalUnetError]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0; the code of the errors where all are of one kind; else 1."""
        codes = {error.exit_code for _, error in self.failed}
        return 0 if not codes else codes.pop() if len(codes) == 1 else 1


class Reporter(ABC):
    """Told of everything that happens; use as a context manager around the run."""

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @abstractmethod
    def note(self, text: str) -> None:
        """Something that people should know and programs see from what follows."""

    @abstractmethod
    def model(self, name: str, weights: str, stems: tuple[str, ...], sample_rate: int) -> None: ...

    @abstractmethod
    def started(self, song: Path, seconds: float | None) -> None: ...

    @abstractmethod
    def progress(self, song: Path, seconds: float) -> None: ...

    @abstractmethod
    def done(self, song: Path, written: WrittenStems) -> None: ...

    @abstractmethod
    def skipped(self, song: Path) -> None: ...

    @abstractmethod
    def failed(self, song: Path, error: VocalUnetError) -> None: ...

    @abstractmethod
    def interrupted(self, song: Path) -> None: ...

    @abstractmethod
    def summary(self, outcome: Outcome) -> None: ...

    @abstractmethod
    def refused(self, error: VocalUnetError) -> None:
        """Nothing could be done at all; the error is raised on."""


class TerminalReporter(Reporter):
    """Paths of the stems on stdout, everything else on stderr; the bar only where stderr is a terminal."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._bar = console.progress_bar()
        self._task = TaskID(0)

    def __enter__(self) -> Reporter:
        self._bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        self._say(text)

    def model(self, name: str, weights: str, stems: tuple[str, ...], sample_rate: int) -> None:
        self._say(f"{name}: {weights}")

    def started(self, song: Path, seconds: float | None) -> None:
        self._task = self._bar.add_task(song.name, total=seconds)

    def progress(self, song: Path, seconds: float) -> None:
        self._bar.update(self._task, completed=seconds)

    def done(self, song: Path, written: WrittenStems) -> None:
        for path in written.paths.values():
            print(path, flush=True)
        if written.gain != 1:
            self._say(f"{song}: all stems were made softer by the factor {written.gain:.4f} to stay below full scale")
        if written.clipped:
            counts = ", ".join(f"{count} samples of {stem}" for stem, count in written.clipped.items())
            self._say(f"{song}: {counts} lie beyond full scale; --clip rescale avoids that")

    def skipped(self, song: Path) -> None:
        self._say(f"{song}: skipped, its stems are there")

    def failed(self, song: Path, error: VocalUnetError) -> None:
        if self._verbose:
            console.stderr.print_exception()
        self._say(f"error: {console.one_line(error)}")

    def interrupted(self, song: Path) -> None:
        self._say(f"interrupted: nothing was written for {song}")

    def summary(self, outcome: Outcome) -> None:
        total = len(outcome.done) + len(outcome.skipped) + len(outcome.failed)
        if total == 1:
            return
        parts = [f"{len(outcome.done)} of {total} songs separated"]
        parts += [f"{len(songs)} {word}" for songs, word in self._rest(outcome) if songs]
        self._say(", ".join(parts))
        for song, error in outcome.failed:
            self._say(f"  {song} ({type(error).__name__})")

    def refused(self, error: VocalUnetError) -> None:
        """Said by who ends the process."""

    @staticmethod
    def _rest(outcome: Outcome) -> tuple[tuple[list[Any], str], ...]:
        return (outcome.skipped, "skipped"), (outcome.failed, "failed:")

    @staticmethod
    def _say(text: str) -> None:
        console.stderr.print(text, soft_wrap=True, markup=False)


class JsonReporter(Reporter):
    """One JSON object per line on stdout, with `event` and `file`; times in seconds of sound. docs/separate.md lists them."""

    def _emit(self, event: str, song: Path | None = None, **values: Any) -> None:
        line = {"event": event, **({} if song is None else {"file": str(song)}), **values}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        return None

    def model(self, name: str, weights: str, stems: tuple[str, ...], sample_rate: int) -> None:
        self._emit("model", name=name, weights=weights, stems=stems, sample_rate=sample_rate)

    def started(self, song: Path, seconds: float | None) -> None:
        self._seconds = seconds
        self._emit("start", song, seconds=seconds)

    def progress(self, song: Path, seconds: float) -> None:
        self._emit("progress", song, done=round(seconds, 3), seconds=self._seconds)

    def done(self, song: Path, written: WrittenStems) -> None:
        stems = {stem: str(path) for stem, path in written.paths.items()}
        self._emit("done", song, stems=stems, samples=written.samples, gain=written.gain, clipped=written.clipped)

    def skipped(self, song: Path) -> None:
        self._emit("skipped", song)

    def failed(self, song: Path, error: VocalUnetError) -> None:
        self._emit("error", song, **_described(error))

    def interrupted(self, song: Path) -> None:
        self._emit("interrupted", song)

    def summary(self, outcome: Outcome) -> None:
        failed = [{"file": str(song), **_described(error)} for song, error in outcome.failed]
        self._emit(
            "summary",
            done=[str(song) for song in outcome.done],
            skipped=[str(song) for song in outcome.skipped],
            failed=failed,
            exit_code=outcome.exit_code,
        )

    def refused(self, error: VocalUnetError) -> None:
        self._emit("error", **_described(error))


def _described(error: VocalUnetError) -> dict[str, Any]:
    return {"kind": type(error).__name__, "message": console.one_line(error), "exit_code": error.exit_code}

"""The figures of a speed run, and the file they are kept in."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Timing:
    """One contestant on one song, or on a folder of songs."""

    contestant: str
    audio_seconds: float
    """Of the song, or of all songs together."""
    seconds: float | None = None
    """Wall time of the whole process, from its start to the files written."""
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    """Bytes."""
    load_seconds: float | None = None
    """Until a loaded system is ready."""
    steady_seconds: float | None = None
    """The second song of a loaded system, from array to arrays."""
    note: str = ""
    """Why a figure is missing."""
    songs: int = 1
    """How many there were for one process."""


@dataclass(frozen=True)
class Floor:
    """What the processor could do at best with the network of one segment."""

    operations: int
    """Multiplications and additions of all convolutions, for one segment."""
    matmul_rate: float
    """Operations per second of the best large float32 matrix product."""
    network_seconds: float
    """What the network takes for one segment in our engine."""
    segment_seconds: float
    """How much audio a segment is."""
    onnx_seconds: float | None = None
    """What ONNX Runtime takes for the same network; None where it or tf2onnx is not installed."""

    @property
    def seconds(self) -> float:
        """The operations at the matrix product's rate."""
        return self.operations / self.matmul_rate


@dataclass(frozen=True)
class SpeedRun:
    """Everything one run measured."""

    model: str
    weights: str
    machine: Mapping[str, Any]
    timings: list[Timing] = field(default_factory=list)
    floor: Floor | None = None

    def find(self, contestant: str, audio_seconds: float) -> Timing | None:
        """The timing of a contestant on the song of that length."""
        wanted = (contestant, audio_seconds, 1)
        found = (t for t in self.timings if (t.contestant, t.audio_seconds, t.songs) == wanted)
        return next(found, None)

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")


def read_run(path: Path) -> SpeedRun:
    """What `save` wrote."""
    values = json.loads(path.read_text(encoding="utf-8"))
    timings = [Timing(**timing) for timing in values.pop("timings")]
    floor = values.pop("floor")
    return SpeedRun(**values, timings=timings, floor=None if floor is None else Floor(**floor))

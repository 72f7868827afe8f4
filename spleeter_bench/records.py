"""What a run leaves behind: one JSON line per (system, song), appended so that a kill loses at most the last line."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spleeter_bench.errors import BenchError

SCHEMA = 2
FILE_NAME = "records.jsonl"

OK = "ok"
FAILED = "failed"
UNAVAILABLE = "unavailable"
STATUSES = (OK, FAILED, UNAVAILABLE)

Key = tuple[str, str, str, int]

_TEXT = str
_NUMBER = (int, float)
_COUNT = int
_OBJECT = dict


@dataclass(frozen=True)
class Record:
    """One system on one song. Seconds are wall time, memory is bytes, scores are dB; None stands for "not measured"."""

    system: str
    dataset: str
    track: str
    samples: int
    sample_rate: int
    status: str
    """`ok`, `failed` (it tried) or `unavailable` (it cannot run on this machine)."""
    timestamp: str
    """UTC, ISO 8601."""
    reason: str = ""
    """Why it failed or is unavailable."""
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Stem -> metric -> value."""
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Stem -> what is odd about its scores, in words."""
    audio_seconds: float | None = None
    seconds: float | None = None
    """Separation alone, audio in memory, model loaded."""
    real_time_factor: float | None = None
    """`seconds / audio_seconds`: below 1 is faster than the music plays."""
    load_seconds: float | None = None
    peak_memory: int | None = None
    weights: str = ""
    trained_on: str = ""
    """What sets a comparison with this system apart: what it was trained on, where that is not the task at hand."""
    cost_note: str = ""
    """What its seconds and memory include besides separating, in words."""
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str | int] = field(default_factory=dict)
    commit: str | None = None
    """Git commit of the benchmark, with "+changes" where tracked files differ from it; None outside a checkout."""

    @property
    def key(self) -> Key:
        """What the record is about: (system, dataset, track, samples). A later record of the same key replaces it."""
        return (self.system, self.dataset, self.track, self.samples)

    def to_json(self) -> str:
        """One line of strict JSON without the newline."""
        return json.dumps({"schema": SCHEMA, **dataclasses.asdict(self)}, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Parse one line; unknown, missing or mistyped keys are errors.

        Raises:
            ValueError: with what is wrong, for the caller to say where.
        """
        values = json.loads(line, parse_constant=_refuse_constant)
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
        schema = values.pop("schema", None)
        if schema != SCHEMA:
            raise ValueError(f"schema {schema!r}, this version reads schema {SCHEMA}")
        for name, kind in _KINDS.items():
            if name not in values:
                raise ValueError(f"{name} is missing")
            value = values[name]
            if value is None and name in _OPTIONAL:
                continue
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ValueError(f"{name} is {value!r}")
        if set(values) - set(_KINDS):
            raise ValueError(f"unknown key {sorted(set(values) - set(_KINDS))[0]!r}")
        if values["status"] not in STATUSES:
            raise ValueError(f"status {values['status']!r} is none of {', '.join(STATUSES)}")
        for stem, scores in values["scores"].items():
            if not isinstance(scores, dict) or not all(isinstance(value, _NUMBER) for value in scores.values()):
                raise ValueError(f"scores of {stem} are {scores!r}")
        for stem, flags in values["flags"].items():
            if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
                raise ValueError(f"flags of {stem} are {flags!r}")
        values["flags"] = {stem: tuple(flags) for stem, flags in values["flags"].items()}
        return cls(**values)


_KINDS: Mapping[str, Any] = {
    "system": _TEXT,
    "dataset": _TEXT,
    "track": _TEXT,
    "samples": _COUNT,
    "sample_rate": _COUNT,
    "status": _TEXT,
    "timestamp": _TEXT,
    "reason": _TEXT,
    "scores": _OBJECT,
    "flags": _OBJECT,
    "audio_seconds": _NUMBER,
    "seconds": _NUMBER,
    "real_time_factor": _NUMBER,
    "load_seconds": _NUMBER,
    "peak_memory": _COUNT,
    "weights": _TEXT,
    "trained_on": _TEXT,
    "cost_note": _TEXT,
    "versions": _OBJECT,
    "machine": _OBJECT,
    "commit": _TEXT,
}
_OPTIONAL = {"audio_seconds", "seconds", "real_time_factor", "load_seconds", "peak_memory", "commit"}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number JSON knows")


@dataclass(frozen=True)
class Reading:
    """The records of a file in the order written, with a sentence about a line that a kill cut short, if any."""

    records: tuple[Record, ...]
    notice: str = ""


def read_records(path: Path) -> Reading:
    """Read a record file; a line counts as written once its newline is there.

    Raises:
        BenchError: no such file, unreadable, or a complete line that is no record; the message names the line.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BenchError(f"{path}: no such file; the folder holds no benchmark run") from None
    except OSError as error:
        raise BenchError(f"{path}: cannot be read ({error.strerror})") from None
    *lines, rest = content.split(b"\n")
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(Record.from_json(line.decode("utf-8")))
        except ValueError as error:
            raise BenchError(
                f"{path} line {number}: not a record of this benchmark: {error}; "
                "delete the line and its song runs again, or start over with --force"
            ) from None
    notice = f"{path}: line {len(lines) + 1} was cut short and is left out; its song will run again" if rest else ""
    return Reading(tuple(records), notice)


def latest(records: Iterable[Record]) -> list[Record]:
    """One record per key, the newest, in the order in which the keys first appeared."""
    newest: dict[Key, Record] = {}
    for record in records:
        newest[record.key] = record
    return list(newest.values())


def append_record(path: Path, record: Record) -> None:
    """Append one line in a single write and see it to the disk; a torn line left by a kill is dropped first.

    Raises:
        BenchError: the file cannot be written.
    """
    line = (record.to_json() + "\n").encode("utf-8")
    try:
        _drop_torn_line(path)
        with path.open("ab", buffering=0) as file:
            if file.write(line) != len(line):
                raise BenchError(f"{path}: the last record was only written in part; is the disk full?")
            os.fsync(file.fileno())
    except OSError as error:
        raise BenchError(f"{path}: cannot be written ({error.strerror})") from error


def _drop_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("r+b") as file:
        content = file.read()
        complete = content.rfind(b"\n") + 1
        if complete < len(content):
            file.truncate(complete)

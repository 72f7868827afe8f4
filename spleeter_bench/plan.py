"""What a run was asked for, in `run.json`: which systems in which order, which songs, finished or not, from where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from spleeter_bench.errors import BenchError
from spleeter_bench.files import write_text

FILE_NAME = "run.json"
SCHEMA = 1

Song = tuple[str, str, int]
"""(dataset, name, samples)."""


@dataclass(frozen=True)
class Plan:
    """All that was ever asked of a run folder; what was asked last comes first."""

    systems: tuple[str, ...] = ()
    songs: tuple[Song, ...] = ()
    data: tuple[str, ...] = ()
    """Where the songs come from, as `tracks.find_tracks` understands it, with absolute paths."""

    def extended(self, systems: Sequence[str], songs: Sequence[Song], data: Sequence[str] = ()) -> Plan:
        """The plan with these in front; nothing is ever taken out."""
        return Plan(
            tuple(dict.fromkeys((*systems, *self.systems))),
            tuple(dict.fromkeys((*songs, *self.songs))),
            tuple(dict.fromkeys((*data, *self.data))),
        )


def read_plan(folder: Path) -> Plan:
    """The plan of a run folder; an empty one where there is none.

    Raises:
        BenchError: the file is no plan.
    """
    path = folder / FILE_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("schema") != SCHEMA:
            raise ValueError("another version's")
        songs = tuple((str(dataset), str(name), int(samples)) for dataset, name, samples in values.pop("songs"))
        return Plan(tuple(map(str, values.pop("systems"))), songs, tuple(map(str, values.pop("data", ()))))
    except FileNotFoundError:
        return Plan()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(f"{path}: not a plan of this benchmark ({error}); delete it and run again") from None


def write_plan(folder: Path, plan: Plan) -> None:
    """Write `run.json`, replacing an older one.

    Raises:
        BenchError: it cannot be written.
    """
    write_text(folder / FILE_NAME, json.dumps({"schema": SCHEMA, **asdict(plan)}, ensure_ascii=False, indent=1) + "\n")

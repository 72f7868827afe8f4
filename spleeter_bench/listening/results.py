"""The files listeners hand in: JSON or CSV as the page exports them, any number of them, no answer counted twice."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spleeter_bench.errors import BenchError
from spleeter_bench.files import write_text
from spleeter_bench.plan import Song

SCHEMA = 1
KIND = "spleeter-bench listening"
FILE_NAME = "listening.json"
"""What was pooled into a run, in its folder."""

SYSTEM, REFERENCE, ANCHOR = "system", "reference", "anchor"
COMMON = ("mode", "listener", "trial", "dataset", "song", "samples")


@dataclass(frozen=True)
class Rating:
    """One stimulus of one rating trial."""

    listener: str
    trial: str
    song: Song
    kind: str
    """`system`, `reference` (hidden) or `anchor` (the reference without its treble)."""
    stimulus: str
    """The system's spec; for the other kinds the kind."""
    score: float
    """0 to 100."""


@dataclass(frozen=True)
class Answer:
    """One ABX trial."""

    listener: str
    trial: str
    song: Song
    first: str
    second: str
    correct: bool


@dataclass(frozen=True)
class Listening:
    """All answers of all files."""

    ratings: tuple[Rating, ...] = ()
    answers: tuple[Answer, ...] = ()


def read_results(paths: Sequence[Path]) -> Listening:
    """Read exported files; a folder stands for the .json and .csv files in it. The same trial twice counts once.

    Raises:
        BenchError: a file is missing or is no export of the page; the message names the file and the answer.
    """
    ratings: dict[tuple[str, str, str], Rating] = {}
    answers: dict[str, Answer] = {}
    for path in _files(paths):
        for number, row in enumerate(_rows(path), start=1):
            try:
                found = _parse(row)
            except (ValueError, KeyError, TypeError) as error:
                raise BenchError(f"{path}: answer {number} is none of the page's ({error})") from None
            if isinstance(found, Rating):
                ratings[found.trial, found.kind, found.stimulus] = found
            else:
                answers[found.trial] = found
    return Listening(tuple(ratings.values()), tuple(answers.values()))


def read_of_run(folder: Path) -> Listening:
    """What was pooled into a run; nothing where nothing was."""
    path = folder / FILE_NAME
    return read_results([path]) if path.exists() else Listening()


def write_results(path: Path, listening: Listening) -> None:
    """Write what `read_results` reads.

    Raises:
        BenchError: the file cannot be written.
    """
    rows = [
        {
            "mode": "mushra",
            **_common(rating.listener, rating.trial, rating.song),
            "kind": rating.kind,
            "stimulus": rating.stimulus,
            "score": rating.score,
        }
        for rating in listening.ratings
    ] + [
        {
            "mode": "abx",
            **_common(answer.listener, answer.trial, answer.song),
            "first": answer.first,
            "second": answer.second,
            "correct": answer.correct,
        }
        for answer in listening.answers
    ]
    content = {"schema": SCHEMA, "kind": KIND, "rows": rows}
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def _common(listener: str, trial: str, song: Song) -> dict[str, object]:
    return dict(zip(COMMON[1:], (listener, trial, *song), strict=True))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(file for file in path.iterdir() if file.suffix in (".json", ".csv"))
        if not found:
            raise BenchError(f"{path}: no .json or .csv of listeners in it")
        yield from found


def _rows(path: Path) -> list[Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".csv":
            reader = csv.DictReader(io.StringIO(text, newline=""))
            if not set(COMMON) <= set(reader.fieldnames or ()):
                raise ValueError(f"its columns are not {', '.join(COMMON)}, …")
            return list(reader)
        content = json.loads(text)
        if (content.get("kind"), content.get("schema")) != (KIND, SCHEMA):
            raise ValueError("no export of this version's page")
        return content["rows"]
    except OSError as error:
        raise BenchError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, AttributeError, KeyError) as error:
        raise BenchError(f"{path}: not what the page exports ({error})") from None


def _parse(row: Mapping[str, Any]) -> Rating | Answer:
    listener, trial = str(row["listener"]), str(row["trial"])
    song = (str(row["dataset"]), str(row["song"]), int(row["samples"]))
    if row["mode"] == "abx":
        correct = {"true": True, "false": False}[str(row["correct"]).lower()]
        return Answer(listener, trial, song, str(row["first"]), str(row["second"]), correct)
    if row["mode"] != "mushra":
        raise ValueError(f"mode {row['mode']!r}")
    score, kind = float(row["score"]), str(row["kind"])
    if not 0 <= score <= 100:
        raise ValueError(f"score {score:g}")
    if kind not in (SYSTEM, REFERENCE, ANCHOR):
        raise ValueError(f"kind {kind!r}")
    return Rating(listener, trial, song, kind, str(row["stimulus"]), score)

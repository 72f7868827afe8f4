"""Scores in museval's own JSON, one file per song: RUN/museval/SYSTEM/test/SONG.json, which its stores read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from spleeter_bench.errors import BenchError
from spleeter_bench.estimates import file_name, song_folder
from spleeter_bench.evaluate import Outcome
from spleeter_bench.files import write_text
from spleeter_bench.metrics import Scores

FOLDER = "museval"
WINDOW_SECONDS = 1.0
NAMES = ("SDR", "SIR", "ISR", "SAR")


def museval_path(run_folder: Path, system: str, song: str) -> Path:
    """`museval.EvalStore().add_eval_dir(RUN/museval/SYSTEM)` finds it there."""
    folder = song_folder(run_folder / FOLDER / file_name(system), song)
    return folder.with_name(f"{folder.name}.json")


def save_frames(run_folder: Path, outcome: Outcome) -> None:
    """Write the file of one job; nothing where no frames were scored.

    Raises:
        BenchError: it cannot be written.
    """
    if any(score.frames for score in outcome.scores.values()):
        path = museval_path(run_folder, outcome.record.system, outcome.record.track)
        write_text(path, museval_json(outcome.scores))


def museval_json(scores: Mapping[str, Scores]) -> str:
    """What `museval.TrackStore.json` would write, with all digits where museval keeps five.

    As there, a frame without a value is NaN, which strict JSON does not know; museval's stores read and skip it.
    """
    targets = []
    for stem, score in scores.items():
        if not score.frames:
            continue
        columns = {name: [_finite(value) for value in score.frames[name.lower()]] for name in NAMES}
        frames = [
            {
                "time": number * WINDOW_SECONDS,
                "duration": WINDOW_SECONDS,
                "metrics": {name: values[number] for name, values in columns.items()},
            }
            for number in range(len(columns["SDR"]))
        ]
        targets.append({"name": stem, "frames": frames})
    return json.dumps({"targets": targets, "museval_version": _museval_version()}, indent=2, ensure_ascii=False) + "\n"


def read_frames(path: Path, stem: str) -> dict[str, list[float]]:
    """What `save_frames` wrote of one stem: metric (`sdr`, …) -> one value per second, dB, NaN where there is none.

    Empty where there is no such file or stem.

    Raises:
        BenchError: the file is not one of museval's.
    """
    try:
        targets = json.loads(path.read_text(encoding="utf-8"))["targets"]
        frames: list = next((target["frames"] for target in targets if target["name"] == stem), [])
        return {name.lower(): [float(frame["metrics"][name]) for frame in frames] for name in NAMES if frames}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path}: not a file of museval's ({error}); score the run again") from None


def _finite(value: float) -> float:
    """museval writes infinities as NaN."""
    return float(value) if math.isfinite(value) else math.nan


def _museval_version() -> str:
    try:
        return version("museval")
    except PackageNotFoundError:
        return "0.4.1"

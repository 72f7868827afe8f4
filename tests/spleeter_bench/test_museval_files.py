"""museval's own stores read what a run writes and come to the same medians."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spleeter_bench.aggregate import MEDIAN_METRICS, aggregate
from spleeter_bench.estimates import file_name
from spleeter_bench.records import FILE_NAME, read_records
from spleeter_bench.runner import run
from spleeter_bench.tracks import Track, TrackAudio
from vocal_unet.data.synthetic import generate_song

SYSTEMS = ("mixture", "oracle:irm2")


@pytest.fixture(scope="module")
def museval_stores() -> Iterator[Any]:
    """museval's module of stores; the package itself cannot be imported without an ffmpeg binary."""
    spec = importlib.util.find_spec("museval")
    assert spec is not None and spec.submodule_search_locations
    package = types.ModuleType("museval")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["museval"] = package
    yield importlib.import_module("museval.aggregate")
    for name in [name for name in sys.modules if name.split(".")[0] == "museval"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four songs; in one the singer pauses for a frame, so that museval's NaNs are among the numbers."""
    folder = tmp_path_factory.mktemp("run")
    run([track(number) for number in range(4)], SYSTEMS, folder)
    return folder


def track(number: int) -> Track:
    stems = generate_song(number, 5 + number, sample_rate=8000)
    if number == 1:
        stems["vocals"][8000:24000] = 0
    rest = stems["drums"] + stems["bass"] + stems["other"]
    audio = TrackAudio(stems["vocals"] + rest, {"vocals": stems["vocals"], "accompaniment": rest})
    return Track("generated", f"Song {number}", 8000, len(rest), lambda: audio)


def test_eval_store_gets_our_medians(run_folder: Path, museval_stores: Any) -> None:
    records = read_records(run_folder / FILE_NAME).records
    for system in SYSTEMS:
        store = museval_stores.EvalStore()
        store.add_eval_dir(str(run_folder / "museval" / file_name(system)))
        per_song, over_songs = store.agg_frames_scores(), store.agg_frames_tracks_scores()
        assert store.df["score"].isna().any(), "the pause must be among the frames"
        for target in ("vocals", "accompaniment"):
            (summary,) = aggregate(records, target=target, systems=[system]).systems
            for metric in MEDIAN_METRICS:
                # the files hold all digits, so nothing but the last bit of a mean of two may differ
                expected = over_songs[target, metric.upper()]
                assert summary.median[metric] == pytest.approx(expected, abs=1e-9), (system, target, metric)
            for record in (record for record in records if record.system == system):
                assert record.scores[target]["sdr"] == pytest.approx(per_song[record.track, target, "SDR"], abs=1e-9)


def test_method_store_tells_systems_apart(run_folder: Path, museval_stores: Any) -> None:
    store = museval_stores.MethodStore()
    for system in SYSTEMS:
        store.add_eval_dir(str(run_folder / "museval" / file_name(system)))
    medians = store.agg_frames_tracks_scores()
    records = read_records(run_folder / FILE_NAME).records
    for summary in aggregate(records).systems:
        assert medians[file_name(summary.system), "vocals", "SDR"] == pytest.approx(summary.median["sdr"], abs=1e-9)


def test_files_fit_musevals_schema(run_folder: Path, museval_stores: Any) -> None:
    for path in (run_folder / "museval").rglob("*.json"):
        store = museval_stores.TrackStore(path.stem)
        store.scores = json.loads(path.read_text("utf-8"))
        store.validate()
        times = [frame["time"] for frame in store.scores["targets"][0]["frames"]]
        np.testing.assert_array_equal(times, np.arange(len(times)))
    assert len(list((run_folder / "museval").rglob("*.json"))) == 8

"""The rival: the same weights in the original Spleeter and in our code, from the benchmark's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from spleeter_bench.rival import FOLDER, checkpoint_folder
from spleeter_bench.systems import make_system
from spleeter_bench.tracks import find_tracks
from tests.conftest import snr


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, with the environment of the original still found where it is."""
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    return tmp_path


def test_the_checkpoint_is_written_once_and_says_where_it_is_from(cache: Path) -> None:
    folder = checkpoint_folder()
    assert (folder / "rival.json").is_file() and (folder / "rival" / "checkpoint").is_file()
    assert "Deezer" not in (folder / "rival" / ".source.json").read_text()
    written = (folder / "rival.json").stat().st_mtime_ns
    assert checkpoint_folder() == folder and (folder / "rival.json").stat().st_mtime_ns == written


@pytest.mark.original
@pytest.mark.slow
def test_both_run_the_same_weights() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 12e6
    song = find_tracks(["example"])[0].load()
    made = {}
    for spec in ("keras:rival", "spleeter:rival"):
        with make_system(spec) as system:
            made[spec] = system.separate(song.mixture, 44100)
            assert "Deezer" not in system.info.weights
    ours, original = made["keras:rival"].stems, made["spleeter:rival"].stems
    for stem in ("vocals", "accompaniment"):
        # float32 in two TensorFlows, as in test_parity
        assert snr(original[stem], ours[stem]) >= 95

"""Kept stems: parts of them, stems that have to be summed, names no file system takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spleeter_bench.errors import SystemFailedError
from spleeter_bench.estimates import read_stem, song_folder, write_stems

RATE = 8000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    stems = {stem: rng.standard_normal((4000, 2)).astype(np.float32) for stem in ("vocals", "drums", "other")}
    write_stems(tmp_path / "song", stems, RATE)
    return tmp_path / "song"


def test_a_part_of_a_stem(folder: Path) -> None:
    whole = read_stem(folder, "vocals", RATE, 4000, 0, 4000)
    np.testing.assert_array_equal(read_stem(folder, "vocals", RATE, 4000, 1000, 500), whole[1000:1500])


def test_accompaniment_is_the_sum_of_the_rest(folder: Path) -> None:
    parts = [read_stem(folder, stem, RATE, 4000, 0, 4000) for stem in ("drums", "other")]
    np.testing.assert_array_equal(read_stem(folder, "accompaniment", RATE, 4000, 0, 4000), sum(parts))


def test_what_does_not_fit_is_refused(folder: Path) -> None:
    with pytest.raises(SystemFailedError, match="4000 samples; the song has 8000 Hz, 4001"):
        read_stem(folder, "vocals", RATE, 4001, 0, 10)
    with pytest.raises(SystemFailedError, match="the song has 44100 Hz"):
        read_stem(folder, "vocals", 44100, 4000, 0, 10)
    with pytest.raises(SystemFailedError, match="no bass kept"):
        read_stem(folder, "bass", RATE, 4000, 0, 10)


def test_long_names_get_folders_of_their_own(tmp_path: Path) -> None:
    one, other = song_folder(tmp_path, "é" * 300 + "1"), song_folder(tmp_path, "é" * 300 + "2")
    assert one != other and song_folder(tmp_path, "a/b").name == "a_b"
    one.mkdir(parents=True)

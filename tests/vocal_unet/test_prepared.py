"""`vocal-unet data check` and `prepare`: findings by name, equal songs, resumption, nothing half-written."""

from __future__ import annotations

import collections
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vocal_unet.audio import write_audio
from vocal_unet.cli import app
from vocal_unet.config import AugmentConfig, Framing, TrainConfig
from vocal_unet.data import prepared
from vocal_unet.data.check import check_songs, count_clipped, loudness_curve, same_song
from vocal_unet.data.examples import Examples
from vocal_unet.data.prepared import prepare
from vocal_unet.data.sources import open_songs, usable_songs
from vocal_unet.errors import AudioError, DataError, OutputError

SMALL = TrainConfig(
    framing=Framing(frame_length=512, frame_step=128, segment_frames=64, bins=200),
    crop_frames=16,
    augment=AugmentConfig(),
)


def noise(seed: int, samples: int = 30_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    swell = np.repeat(rng.uniform(0.1, 1, samples // 2000 + 1), 2000)[:samples, None]
    return (0.05 * swell * rng.standard_normal((samples, 2))).astype(np.float32)


def write(root: Path, name: str, **stems: np.ndarray) -> None:
    (root / name).mkdir(parents=True, exist_ok=True)
    for stem, samples in stems.items():
        write_audio(root / name / f"{stem}.wav", samples, 44100, sample_format="float32")


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for number in range(3):
        write(tmp_path / "songs", f"song {number}", vocals=noise(2 * number), other=noise(2 * number + 1))
    return tmp_path / "songs"


def test_prepared_songs_give_the_same_examples_bit_for_bit(songs: Path, tmp_path: Path) -> None:
    source = open_songs(f"stems:{songs}")
    assert prepare(source, tmp_path / "prepared") == (3, [])
    mapped = open_songs(f"prepared:{tmp_path / 'prepared'}")
    assert [song.name for song in mapped.songs] == [song.name for song in source.songs]
    assert all(song.resident_bytes() == 0 and song.fault() is None for song in mapped.songs)
    decoded, random_access = Examples(source, SMALL), Examples(mapped, SMALL)
    for index in range(20):
        for one, other in zip(decoded(index), random_access(index), strict=True):
            np.testing.assert_array_equal(one, other)


def test_weights_and_splits_are_kept(songs: Path, tmp_path: Path) -> None:
    both = open_songs(f"stems:{songs}*2+loose:vocals:{songs / 'song 0'}")
    prepare(both, tmp_path / "prepared")
    sources = open_songs(f"prepared:{tmp_path / 'prepared'}*3").sources
    assert [source.weight for source in sources] == [6.0, 3.0]
    assert [len(source.songs) for source in sources] == [3, 2]


def test_an_interrupted_run_goes_on_where_it_was(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, folder = open_songs(f"stems:{songs}"), tmp_path / "prepared"
    real, calls = prepared._write, itertools.count()

    def dies(song, stem: Path) -> None:
        if next(calls) == 1:
            stem.with_name(stem.name + ".partial").write_bytes(b"half")
            raise KeyboardInterrupt
        real(song, stem)

    monkeypatch.setattr(prepared, "_write", dies)
    monkeypatch.setattr(prepared.os, "cpu_count", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, folder)
    with pytest.raises(DataError, match=r"index\.json is missing"):
        open_songs(f"prepared:{folder}")
    monkeypatch.setattr(prepared, "_write", real)
    done = len(list((folder / "songs").glob("*.json")))
    assert 1 <= done <= 2
    assert prepare(source, folder)[0] == 3 - done
    assert prepare(source, folder)[0] == 0
    assert len(open_songs(f"prepared:{folder}")) == 3 and not list(folder.rglob("*.partial"))


def test_a_changed_file_is_decoded_again(songs: Path, tmp_path: Path) -> None:
    prepare(open_songs(f"stems:{songs}"), tmp_path / "prepared")
    write(songs, "song 1", vocals=noise(50, 20_000), other=noise(51, 20_000))
    assert prepare(open_songs(f"stems:{songs}"), tmp_path / "prepared")[0] == 1
    assert open_songs(f"prepared:{tmp_path / 'prepared'}").songs[1].stems()["vocals"].shape == (20_000, 2)


def test_no_space_is_said_before_anything_is_decoded(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 1000, 1000))
    with pytest.raises(OutputError, match=r"needs 0\.0 GB, 0\.0 GB are free"):
        prepare(open_songs(f"stems:{songs}"), tmp_path / "prepared")
    assert not list((tmp_path / "prepared" / "songs").iterdir())


def test_a_folder_with_other_things_is_left_alone(songs: Path) -> None:
    with pytest.raises(OutputError, match="no folder of prepared songs"):
        prepare(open_songs(f"stems:{songs}"), songs)


def test_damaged_songs_and_damaged_arrays(songs: Path, tmp_path: Path) -> None:
    flac = songs / "song 1" / "other.flac"
    write_audio(flac, noise(3), 44100, codec="flac")
    (songs / "song 1" / "other.wav").unlink()
    data = bytearray(flac.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    flac.write_bytes(data)  # its header is whole
    usable, lines = usable_songs(open_songs(f"stems:{songs}"), "vocals")
    assert lines == []
    with pytest.raises(AudioError, match=r"other\.flac"):
        prepare(usable, tmp_path / "prepared")
    decoded, damaged = prepare(usable, tmp_path / "prepared", "skip")
    assert len(damaged) == 1 and "other.flac" in damaged[0] and decoded <= 2
    mapped = open_songs(f"prepared:{tmp_path / 'prepared'}")
    assert [song.name for song in mapped.songs] == ["song 0", "song 2"]
    array = next((tmp_path / "prepared" / "songs").glob("song-0*.npy"))
    array.write_bytes(array.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"1 of 2 songs cannot be used: .*song-0.*\.npy"):
        usable_songs(mapped, "vocals")


def test_check_names_everything(songs: Path, tmp_path: Path) -> None:
    write(songs, "quiet", vocals=np.zeros((30_000, 2), np.float32), other=noise(9))
    write(songs, "clipped", vocals=np.clip(40 * noise(10), -1, 1), other=noise(11))
    write(songs, "remix", vocals=noise(12), other=noise(13), mixture=noise(14))
    write(songs, "honest", vocals=noise(15), other=noise(16), mixture=noise(15) + noise(16))
    write(songs, "short", vocals=noise(17), other=noise(18, 29_000))
    write_audio(songs / "song 0" / "other.wav", noise(1, 30_000)[:, :1], 44100)
    write_audio(songs / "song 0" / "vocals.wav", noise(0, 32_653), 48000)
    twin = 0.5 * (noise(4, 100_000) + noise(5, 100_000))
    write(songs, "song 2", vocals=noise(4, 100_000), other=noise(5, 100_000))
    write(tmp_path / "test", "another name", vocals=0.5 * twin, other=0.5 * twin)
    write(tmp_path / "test", "remix", vocals=noise(30), other=noise(31))
    report = check_songs(open_songs(f"stems:{songs}"), "vocals", open_songs(f"stems:{tmp_path / 'test'}").songs)
    text = "\n".join(report.remarks)
    assert report.songs == 8
    assert report.unusable == [
        "short: the stems must be equally long, but have {'other': 29000, 'vocals': 30000} samples"
    ]
    assert "quiet: vocals is silent" in text and "clipped: vocals is clipped" in text
    assert "remix: the mixture is not the sum of its stems" in text and "honest" not in text
    assert "song 0: its stems are 44100 Hz mono and 48000 Hz stereo; they are converted" in text
    assert sorted(line.split(":")[0] for line in report.shared) == ["remix", "song 2"]
    assert report.formats["44100 Hz stereo"] == 6


def test_the_same_recording_is_known_by_its_loudness() -> None:
    one, other = noise(0, 200_000), noise(1, 200_000)
    hiss = one + 1e-4 * np.random.default_rng(2).standard_normal(one.shape)
    assert same_song(loudness_curve(one), loudness_curve(hiss * 0.3))
    assert not same_song(loudness_curve(one), loudness_curve(other))
    assert not same_song(loudness_curve(one), loudness_curve(one[:150_000]))


def test_single_loud_samples_are_not_clipping() -> None:
    samples = np.zeros((100, 2), np.float32)
    samples[[3, 10, 11], 0] = 1.0
    assert count_clipped(samples) == 0
    samples[10:15, 1] = -1.0
    assert count_clipped(samples) == 5


def test_the_commands(songs: Path, tmp_path: Path) -> None:
    runner, folder = CliRunner(), tmp_path / "prepared"
    checked = runner.invoke(app, ["data", "check", f"stems:{songs}"])
    assert (
        checked.exit_code == 0 and "3 usable songs" in checked.stdout and "44100 Hz stereo: 3 songs" in checked.stdout
    )
    made = runner.invoke(app, ["data", "prepare", f"stems:{songs}", str(folder)])
    assert made.exit_code == 0 and made.stdout.splitlines()[-1] == f"prepared:{folder}"
    assert json.loads((folder / "index.json").read_text())["format"] == 1
    (songs / "song 1" / "other.wav").write_bytes(b"RIFF")
    bad = runner.invoke(app, ["data", "check", f"stems:{songs}"])
    assert isinstance(bad.exception, DataError) and bad.exception.exit_code == 7
    assert bad.stdout.count("unusable: ") == 1 and "other.wav" in bad.stdout
    refused = runner.invoke(app, ["data", "prepare", f"stems:{songs}", str(tmp_path / "new")])
    assert isinstance(refused.exception, DataError) and not (tmp_path / "new").exists()
    skipped = runner.invoke(app, ["data", "prepare", f"stems:{songs}", str(tmp_path / "new"), "--bad-songs", "skip"])
    assert skipped.exit_code == 0 and len(open_songs(f"prepared:{tmp_path / 'new'}")) == 2

"""Songs of every kind of data: the shipped clip, MUSDB18, MUSDB18-HQ, folders of stems; and what is wrong with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spleeter_bench.errors import TrackError
from spleeter_bench.metrics import si_sdr
from spleeter_bench.tracks import find_tracks

RATE = 44100
NAMES = ("vocals", "drums", "bass", "other")


def noise(seed: int, samples: int = 2000, channels: int = 2) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal((samples, channels))).astype(np.float32)


def write(path: Path, waveform: np.ndarray, rate: int = RATE) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return waveform


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A folder of stems that make a song; the data folder is its parent, `songs`."""
    folder = tmp_path / "songs" / "a song"
    for seed, name in enumerate(NAMES):
        write(folder / f"{name}.wav", noise(seed))
    return folder


def test_example() -> None:
    (track,) = find_tracks(["example"])
    assert (track.name, track.sample_rate, track.samples) == ("The Easton Ellises - Falcon 69", RATE, 268288)
    audio = track.load()
    for waveform in (audio.mixture, *audio.references.values()):
        assert waveform.shape == (268288, 2) and waveform.dtype == np.float32
    assert list(audio.references) == ["vocals", "accompaniment"]
    # measured once with two independent decoders; tells a mixed-up stream order at once
    assert si_sdr(reference=audio.references["vocals"], estimate=audio.mixture) == pytest.approx(-6.99, abs=0.01)
    # the stems are lossy, each coded on its own, so their sum is the mixture only nearly
    assert si_sdr(reference=audio.mixture, estimate=sum(audio.references.values())) > 15


def test_musdb_stem_files(tmp_path: Path, clip_path: Path) -> None:
    for name in ("B", "A", "._A"):
        path = tmp_path / "test" / f"{name}.stem.mp4"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(clip_path, path)
    (tmp_path / "train").mkdir()
    tracks = find_tracks([f"musdb:{tmp_path}"])
    assert [(track.dataset, track.name) for track in tracks] == [("MUSDB18", "A"), ("MUSDB18", "B")]
    (example,) = find_tracks(["example"])
    loaded, expected = tracks[0].load(), example.load()
    np.testing.assert_array_equal(loaded.mixture, expected.mixture)
    np.testing.assert_array_equal(loaded.references["accompaniment"], expected.references["accompaniment"])


def test_musdb_hq(tmp_path: Path) -> None:
    folder = tmp_path / "test" / "A song"
    stems = {name: write(folder / f"{name}.wav", noise(seed)) for seed, name in enumerate(NAMES)}
    mixture = write(folder / "mixture.wav", sum(stems.values()) * np.float32(0.9))
    (track,) = find_tracks([f"musdb:{tmp_path}"])
    assert (track.dataset, track.name, track.samples) == ("MUSDB18-HQ", "A song", 2000)
    audio = track.load()
    np.testing.assert_array_equal(audio.mixture, mixture)
    np.testing.assert_array_equal(audio.references["vocals"], stems["vocals"])
    # three float32 additions in another order
    expected = stems["drums"] + stems["bass"] + stems["other"]
    np.testing.assert_allclose(audio.references["accompaniment"], expected, atol=1e-7)


def test_musdb_hq_without_a_stem(tmp_path: Path) -> None:
    for name in ("mixture", "vocals", "drums", "bass"):
        write(tmp_path / "test" / "A song" / f"{name}.wav", noise(1))
    with pytest.raises(TrackError, match=r"A song: no other\.wav"):
        find_tracks([f"musdb:{tmp_path}"])


def test_stems_without_a_mixture_are_summed(song: Path) -> None:
    (track,) = find_tracks([f"stems:{song.parent}"])
    assert (track.dataset, track.name) == ("songs", "a song")
    audio = track.load()
    np.testing.assert_allclose(audio.mixture, sum(noise(seed) for seed in range(4)), atol=1e-7)
    np.testing.assert_allclose(audio.references["accompaniment"], sum(noise(seed) for seed in (1, 2, 3)), atol=1e-7)


def test_a_mixture_and_an_accompaniment_file_win_over_sums(song: Path) -> None:
    mixture = write(song / "mixture.wav", noise(10))
    accompaniment = write(song / "accompaniment.wav", noise(11))
    (track,) = find_tracks([f"stems:{song.parent}"])
    audio = track.load()
    np.testing.assert_array_equal(audio.mixture, mixture)
    np.testing.assert_array_equal(audio.references["accompaniment"], accompaniment)


def test_mono_becomes_stereo_and_formats_mix(tmp_path: Path) -> None:
    vocals = write(tmp_path / "song" / "vocals.wav", noise(0, channels=1))
    write(tmp_path / "song" / "piano.flac", noise(1))
    (tmp_path / "song" / "notes.txt").write_text("not audio")
    (tmp_path / "song" / ".hidden.wav").write_text("not audio either")
    (track,) = find_tracks([f"stems:{tmp_path}"])
    np.testing.assert_array_equal(track.load().references["vocals"], np.repeat(vocals, 2, axis=1))


def test_limit_counts_per_data_and_stops_reading(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        for stem in ("vocals", "other"):
            write(tmp_path / name / f"{stem}.wav", noise(1))
    (tmp_path / "c" / "vocals.wav").write_bytes(b"broken")
    tracks = find_tracks([f"stems:{tmp_path}", "example"], limit=2)
    assert [track.name for track in tracks] == ["a", "b", "The Easton Ellises - Falcon 69"]
    with pytest.raises(TrackError, match=r"c/vocals\.wav"):
        find_tracks([f"stems:{tmp_path}"])


def test_same_song_twice(song: Path) -> None:
    with pytest.raises(TrackError, match="a song: two songs of songs have this name"):
        find_tracks([f"stems:{song.parent}", f"stems:{song.parent}"])


@pytest.mark.parametrize("spec", ["", "falcon", "example:1", "musdb", "musdb:", "stems:"])
def test_unknown_data(spec: str) -> None:
    with pytest.raises(TrackError, match="is no data; use one of example, musdb:PATH, stems:DIR"):
        find_tracks([spec])


@pytest.mark.parametrize("kind", ["musdb", "stems"])
def test_missing_and_empty_folders(tmp_path: Path, kind: str) -> None:
    with pytest.raises(TrackError, match=r"nowhere.*no such folder"):
        find_tracks([f"{kind}:{tmp_path / 'nowhere'}"])
    (tmp_path / "test").mkdir()
    with pytest.raises(TrackError, match="no songs"):
        find_tracks([f"{kind}:{tmp_path if kind == 'musdb' else tmp_path / 'test'}"])


def test_vocals_are_required(song: Path) -> None:
    (song / "vocals.wav").unlink()
    with pytest.raises(TrackError, match="a song: no vocals"):
        find_tracks([f"stems:{song.parent}"])


def test_something_besides_vocals_is_required(tmp_path: Path) -> None:
    write(tmp_path / "song" / "vocals.wav", noise(0))
    write(tmp_path / "song" / "mixture.wav", noise(1))
    with pytest.raises(TrackError, match="nothing but vocals"):
        find_tracks([f"stems:{tmp_path}"])


def test_one_stem_in_two_files(song: Path) -> None:
    write(song / "vocals.flac", noise(0))
    with pytest.raises(TrackError, match=r"vocals\.flac and vocals\.wav are the same stem"):
        find_tracks([f"stems:{song.parent}"])


def test_lengths_that_differ_name_the_file(song: Path) -> None:
    write(song / "drums.wav", noise(1, samples=1990))
    (track,) = find_tracks([f"stems:{song.parent}"])
    with pytest.raises(TrackError, match=r"a song: .*drums\.wav has 1990 samples, .* has 2000"):
        track.load()


def test_sample_rates_that_differ_name_the_file(song: Path) -> None:
    write(song / "drums.wav", noise(1), rate=48000)
    with pytest.raises(TrackError, match=r"a song: .*drums\.wav has 48000 Hz, .* has 44100 Hz"):
        find_tracks([f"stems:{song.parent}"])


def test_a_file_that_is_cut_short(song: Path) -> None:
    path = song / "vocals.wav"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(TrackError, match=r"vocals\.wav"):
        find_tracks([f"stems:{song.parent}"])[0].load()


def test_a_stem_file_without_stems(tmp_path: Path) -> None:
    path = tmp_path / "test" / "A.stem.mp4"
    write(tmp_path / "test" / "A.wav", noise(1))
    (tmp_path / "test" / "A.wav").rename(path)
    with pytest.raises(TrackError, match=r"A\.stem\.mp4: has 1 audio streams; a MUSDB18 stem file has 5"):
        find_tracks([f"musdb:{tmp_path}"])

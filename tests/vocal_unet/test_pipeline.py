"""Songs and training batches: where songs come from, determinism, and mixtures that are the sum of their stems."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import snr
from vocal_unet.audio import write_audio
from vocal_unet.config import Framing, TrainConfig, UNetConfig
from vocal_unet.data.pipeline import (
    check_framing,
    crop_framing,
    load_songs,
    split_songs,
    training_batches,
    validation_batches,
)
from vocal_unet.data.songs import Song, open_songs
from vocal_unet.errors import AudioError, DataError
from vocal_unet.framing import frame_spectrogram

FRAMING = Framing(frame_length=512, frame_step=128, segment_frames=64, bins=200)
PLAIN = TrainConfig(
    framing=FRAMING,
    unet=UNetConfig(filters=(2, 3), dropout=()),
    crop_frames=16,
    batch_size=3,
    cross_mixing=0.0,
    gain_db=0.0,
    noise=0.0,
    validation_crops=7,
)
AUGMENTED = dataclasses.replace(PLAIN, cross_mixing=0.5, gain_db=6.0, noise=0.5)


def song(seed: int, samples: int = 6000) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {stem: rng.standard_normal((samples, 2)).astype(np.float16) for stem in ("vocals", "drums", "other")}


def batches(dataset, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def magnitude(samples: np.ndarray) -> np.ndarray:
    return np.abs(frame_spectrogram(samples, crop_framing(PLAIN)).numpy())[:, : FRAMING.bins]


def test_batches_have_the_crops_shape_and_are_finite() -> None:
    for mixture, vocals in batches(training_batches([song(0), song(1)], AUGMENTED), 3):
        assert mixture.shape == vocals.shape == (3, 16, 200, 2)
        assert mixture.dtype == vocals.dtype == np.float32
        assert np.isfinite(mixture).all() and (mixture >= 0).all() and vocals.any()


def test_the_same_seed_gives_the_same_batches() -> None:
    songs = [song(0), song(1), song(2)]
    first, again = (batches(training_batches(songs, AUGMENTED), 4) for _ in range(2))
    other = batches(training_batches(songs, dataclasses.replace(AUGMENTED, seed=1)), 4)
    np.testing.assert_array_equal(np.stack(first), np.stack(again))
    assert not np.array_equal(np.stack(first), np.stack(other))
    assert not np.array_equal(first[0], first[1])


def test_without_augmentation_an_example_is_a_crop_of_the_song() -> None:
    length = crop_framing(PLAIN).segment_samples
    only = song(0, length)  # one possible crop
    mixture, vocals = batches(training_batches([only], PLAIN), 1)[0]
    expected = {stem: samples.astype(np.float32) for stem, samples in only.items()}
    for channels in (slice(None), slice(None, None, -1)):
        found = [snr(magnitude(expected["vocals"][:, channels]), example) > 80 for example in vocals]
        for example in np.flatnonzero(found):
            total = np.sum([samples[:, channels] for samples in expected.values()], axis=0)
            assert snr(magnitude(total), mixture[example]) > 80
            break
        else:
            pytest.fail(f"none of three examples is the crop with channels {channels}")


def test_cross_mixing_takes_the_accompaniment_of_another_song() -> None:
    silent = {**song(0), "drums": np.zeros((6000, 2), np.float16), "other": np.zeros((6000, 2), np.float16)}
    own = batches(training_batches([silent, silent], PLAIN), 4)
    assert all(np.array_equal(mixture, vocals) for mixture, vocals in own)
    mixed = batches(training_batches([silent, song(1)], dataclasses.replace(PLAIN, cross_mixing=1.0)), 4)
    alone = [np.array_equal(m, v) for mixture, vocals in mixed for m, v in zip(mixture, vocals, strict=True)]
    assert 0 < sum(alone) < len(alone)


def test_noise_is_added_to_the_mixture_only() -> None:
    quiet = {**song(0), "drums": np.zeros((6000, 2), np.float16), "other": np.zeros((6000, 2), np.float16)}
    config = dataclasses.replace(PLAIN, noise=1.0, noise_db=(-20.0, -20.0))
    mixture, vocals = batches(training_batches([quiet], config), 1)[0]
    clean = batches(training_batches([quiet], PLAIN), 1)[0][1]
    np.testing.assert_array_equal(vocals[0], clean[0])
    # Magnitudes differ by at most the noise and, where its phase is square to the signal's, hardly.
    assert 20 < snr(vocals, mixture) < 26


def test_gain_changes_the_balance() -> None:
    config = dataclasses.replace(PLAIN, gain_db=12.0, batch_size=16)
    mixture, vocals = batches(training_batches([song(0)], config), 1)[0]
    ratios = 20 * np.log10(np.sqrt((vocals**2).mean(axis=(1, 2, 3)) / (mixture**2).mean(axis=(1, 2, 3))))
    assert ratios.max() - ratios.min() > 6


@pytest.mark.parametrize("make", [training_batches, validation_batches])
def test_vocals_can_be_made_louder(make) -> None:
    louder = dataclasses.replace(PLAIN, vocals_gain_db=20.0)
    for (mixture, vocals), (mixture_louder, vocals_louder) in zip(
        batches(make([song(0)], PLAIN), 2), batches(make([song(0)], louder), 2), strict=True
    ):
        np.testing.assert_allclose(vocals_louder, 10 * vocals, rtol=1e-3, atol=1e-3)
        # Two other stems as loud as the vocals were: √3 becomes √102.
        assert np.sqrt(np.mean(mixture_louder**2) / np.mean(mixture**2)) == pytest.approx(np.sqrt(102 / 3), rel=0.05)


def test_validation_is_plain_and_the_same_every_time() -> None:
    dataset = validation_batches([song(0), song(1)], AUGMENTED)
    first, again = batches(dataset, 9), batches(dataset, 9)
    assert [len(mixture) for mixture, _ in first] == [3, 3, 1]
    for (mixture, vocals), (mixture_again, vocals_again) in zip(first, again, strict=True):
        np.testing.assert_array_equal(mixture, mixture_again)
        np.testing.assert_array_equal(vocals, vocals_again)


def test_songs_shorter_than_a_crop_end_in_silence() -> None:
    mixture, _ = batches(training_batches([song(0, 700)], PLAIN), 1)[0]
    assert mixture[:, 0].any() and not mixture[:, -1].any()


def test_generated_songs_follow_the_seed() -> None:
    names = [song.name for song in open_songs("generated:3")]
    assert names == ["generated-0-0000", "generated-0-0001", "generated-0-0002"]
    first, again, other = (open_songs(spec)[0].load.args for spec in ("generated:3", "generated:9:0", "generated:3:1"))
    assert first == again != other


@pytest.mark.parametrize(
    "spec", ["", "generated:", "generated:0", "generated:x", "generated:3:-1", "stems:", "musdb", "csv:x"]
)
def test_specs_that_mean_nothing(spec: str) -> None:
    with pytest.raises(DataError):
        open_songs(spec)


def test_stem_folders(tmp_path: Path, tone) -> None:
    for name, stems in {"b": ("vocals", "other"), "a": ("vocals", "drums", "bass", "mixture")}.items():
        (tmp_path / name).mkdir()
        for index, stem in enumerate(stems):
            write_audio(tmp_path / name / f"{stem}.wav", tone(3000, seed=index), 44100, sample_format="float32")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("no song")
    songs = open_songs(f"stems:{tmp_path}")
    assert [song.name for song in songs] == ["a", "b"]
    assert set(songs[0].stems()) == {"vocals", "drums", "bass"}
    np.testing.assert_array_equal(songs[1].stems()["other"], tone(3000, seed=1))
    loaded = load_songs(songs)
    assert [set(stems) for stems in loaded] == [{"vocals", "drums", "bass"}, {"vocals", "other"}]


def test_stem_folders_that_cannot_be_used(tmp_path: Path, tone) -> None:
    with pytest.raises(DataError, match="no such folder"):
        open_songs(f"stems:{tmp_path / 'nothing'}")
    with pytest.raises(DataError, match="holds no song"):
        open_songs(f"stems:{tmp_path}")
    (tmp_path / "song").mkdir()
    write_audio(tmp_path / "song" / "vocals.wav", tone(3000), 44100)
    with pytest.raises(DataError, match="at least one other stem"):
        open_songs(f"stems:{tmp_path}")
    write_audio(tmp_path / "song" / "other.wav", tone(2999), 44100)
    with pytest.raises(DataError, match=r"song: the stems must be equally long, .*2999"):
        open_songs(f"stems:{tmp_path}")[0].stems()
    write_audio(tmp_path / "song" / "vocals.flac", tone(3000), 44100, codec="flac")
    with pytest.raises(DataError, match="two files of one stem"):
        open_songs(f"stems:{tmp_path}")


def test_a_broken_file_is_named(tmp_path: Path, tone) -> None:
    (tmp_path / "song").mkdir()
    write_audio(tmp_path / "song" / "vocals.wav", tone(3000), 44100)
    (tmp_path / "song" / "other.wav").write_bytes(b"RIFF and nothing else")
    with pytest.raises(AudioError, match=r"other\.wav"):
        load_songs(open_songs(f"stems:{tmp_path}"))


def test_the_last_songs_are_kept_for_validation() -> None:
    songs = [Song(str(index), dict) for index in range(10)]
    assert [song.name for song in split_songs(songs, 0.2)[1]] == ["8", "9"]
    assert [len(part) for part in split_songs(songs[:2], 0.9)] == [1, 1]
    with pytest.raises(DataError, match="at least two songs"):
        split_songs(songs[:1], 0.1)


def test_songs_at_another_rate_than_the_network_are_refused() -> None:
    check_framing(FRAMING)
    with pytest.raises(DataError, match="16000 Hz"):
        check_framing(dataclasses.replace(FRAMING, sample_rate=16000))

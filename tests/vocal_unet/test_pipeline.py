"""Training batches: determinism, resumption, mixtures that are the sum of their stems, songs that take turns."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from tests.conftest import snr
from vocal_unet.config import AugmentConfig, Framing, TrainConfig, UNetConfig
from vocal_unet.data.examples import Examples
from vocal_unet.data.pipeline import (
    check_framing,
    crop_framing,
    songs_own_errors,
    training_batches,
)
from vocal_unet.data.shelf import EXAMPLES_PER_SONG, Shelf
from vocal_unet.data.songs import SAMPLE_RATE, Song
from vocal_unet.data.sources import SongSet, Source
from vocal_unet.errors import AudioError, ConfigError, DataError
from vocal_unet.framing import frame_spectrogram

FRAMING = Framing(frame_length=512, frame_step=128, segment_frames=64, bins=200)
PLAIN = TrainConfig(
    framing=FRAMING,
    unet=UNetConfig(filters=(2, 3), dropout=()),
    crop_frames=16,
    batch_size=3,
    augment=AugmentConfig.NONE,
    validation_excerpts=7,
)
AUGMENTED = dataclasses.replace(PLAIN, augment=AugmentConfig())
EVERYTHING = dataclasses.replace(PLAIN, augment=AugmentConfig.STRONG)
LENGTH = crop_framing(PLAIN).segment_samples


@dataclass(frozen=True)
class Made(Song):
    """A song from arrays."""

    name: str
    arrays: dict[str, np.ndarray]
    split: str = "train"

    @property
    def stem_names(self) -> tuple[str, ...]:
        return tuple(self.arrays)

    def stems(self) -> dict[str, np.ndarray]:
        return self.arrays

    def seconds(self) -> float:
        return len(next(iter(self.arrays.values()))) / SAMPLE_RATE


class Broken(Made):
    def stems(self) -> dict[str, np.ndarray]:
        raise AudioError(f"{self.name}: damaged")


def song(seed: int, samples: int = 6000, stems: tuple[str, ...] = ("vocals", "drums", "other"), **silent) -> Made:
    rng = np.random.default_rng(seed)
    arrays = {stem: 0.2 * rng.standard_normal((samples, 2)).astype(np.float32) for stem in stems}
    return Made(f"song {seed}", arrays | {stem: np.zeros((samples, 2), np.float32) for stem in silent})


def song_set(*songs: Song, weight: float = 1.0) -> SongSet:
    return SongSet((Source("test", weight, songs),))


def with_augment(batch_size: int = 3, **values) -> TrainConfig:
    augment = dataclasses.replace(AugmentConfig.NONE, **values)
    return dataclasses.replace(PLAIN, augment=augment, batch_size=batch_size)


def training(config: TrainConfig, *songs: Song, count: int = 1, first_step: int = 0):
    return batches(training_batches(Examples(song_set(*songs), config), first_step), count)


def batches(dataset, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def magnitude(samples: np.ndarray) -> np.ndarray:
    return np.abs(frame_spectrogram(samples, crop_framing(PLAIN)).numpy())[:, : FRAMING.bins]


@pytest.mark.parametrize("config", [AUGMENTED, EVERYTHING], ids=["default", "strong"])
def test_batches_have_the_crops_shape_and_are_finite(config: TrainConfig) -> None:
    for mixture, vocals in training(config, song(0), song(1), count=4):
        assert mixture.shape == vocals.shape == (3, 16, 200, 2)
        assert mixture.dtype == vocals.dtype == np.float32
        assert np.isfinite(mixture).all() and (mixture >= 0).all() and vocals.any()


def test_the_same_seed_gives_the_same_batches() -> None:
    songs = [song(0), song(1), song(2)]
    first, again = (training(EVERYTHING, *songs, count=4) for _ in range(2))
    other = training(dataclasses.replace(EVERYTHING, seed=1), *songs, count=4)
    np.testing.assert_array_equal(np.stack(first), np.stack(again))
    assert not np.array_equal(np.stack(first), np.stack(other))
    assert not np.array_equal(first[0], first[1])


def test_training_goes_on_exactly_where_it_stopped() -> None:
    songs = [song(0), song(1), song(2)]
    straight = training(EVERYTHING, *songs, count=6)
    resumed = training(EVERYTHING, *songs, count=2, first_step=4)
    np.testing.assert_array_equal(np.stack(straight[4:]), np.stack(resumed))


def test_remixes_are_part_of_the_batch() -> None:
    config = with_augment(batch_size=6, remixes=2)
    made = [Examples(song_set(song(1), song(2)), config)(index)[0] for index in (2, 3)]
    (mixture, target), *_ = training(config, song(1), song(2), first_step=1)
    assert len(mixture) == len(target) == 6
    for number, example in enumerate(made):
        np.testing.assert_allclose(mixture[number], magnitude(example[0]), atol=1e-4)
        for again in (number, number + 2, number + 4):
            np.testing.assert_allclose(target[again], magnitude(example[1]), atol=1e-4)
    assert np.abs(mixture[2:4] - mixture[:2]).max() > 0.1
    # twice handed on among two, an accompaniment is back where it was
    np.testing.assert_allclose(mixture[4:], mixture[:2], atol=1e-3)
    with pytest.raises(ConfigError, match=r"batch_size must be a multiple of 3 \(1 \+ augment.remixes\), not 4"):
        with_augment(batch_size=4, remixes=2)


def test_without_augmentation_an_example_is_a_crop_of_the_song() -> None:
    only = song(0, LENGTH)  # one possible crop
    mixture, vocals = training(PLAIN, only)[0]
    total = np.sum(list(only.arrays.values()), axis=0)
    for example in range(3):
        # 16-bit storage rounds 98 dB below the peak
        assert snr(magnitude(only.arrays["vocals"]), vocals[example]) > 80
        assert snr(magnitude(total), mixture[example]) > 80


def test_the_target_may_be_any_stem() -> None:
    only = song(0, LENGTH, stems=("speech", "noise"))
    mixture, speech = training(dataclasses.replace(PLAIN, target="speech"), only)[0]
    assert snr(magnitude(only.arrays["speech"]), speech[0]) > 80
    assert snr(magnitude(only.arrays["speech"] + only.arrays["noise"]), mixture[0]) > 80
    with pytest.raises(DataError, match="no vocals"):
        Examples(song_set(only), PLAIN)


def test_cross_mixing_takes_the_accompaniment_of_another_song() -> None:
    silent = song(0, drums=True, other=True)
    assert all(np.array_equal(mixture, vocals) for mixture, vocals in training(PLAIN, silent, silent, count=4))
    mixed = training(with_augment(cross_mixing=1.0), silent, song(1), count=4)
    alone = [np.array_equal(m, v) for mixture, vocals in mixed for m, v in zip(mixture, vocals, strict=True)]
    assert 0 < sum(alone) < len(alone)


def test_loose_voices_are_mixed_over_the_songs_in_their_share() -> None:
    voices = Source("voices", 3.0, (song(5, stems=("vocals",)),))
    silent_voice = song(0, vocals=True)
    examples = Examples(SongSet((Source("songs", 1.0, (silent_voice,)), voices)), PLAIN)
    sung = 0
    for index in range(400):
        (mixture, vocals), _ = examples(index)
        assert not np.array_equal(mixture, vocals), "every example has an accompaniment"
        sung += bool(vocals.any())
    # binomial, 400 draws at 3/4: standard deviation 8.7; five of them
    assert abs(sung - 300) < 44


def test_noise_is_added_to_the_mixture_only() -> None:
    quiet = song(0, drums=True, other=True)
    mixture, vocals = training(with_augment(noise=1.0, noise_db=(-20.0, -20.0)), quiet)[0]
    np.testing.assert_array_equal(vocals[0], training(PLAIN, quiet)[0][1][0])
    # Magnitudes differ by at most the noise and, where its phase is square to the signal's, hardly.
    assert 20 < snr(vocals, mixture) < 26


def test_gain_changes_the_balance() -> None:
    mixture, vocals = training(with_augment(gain=1.0, gain_db=12.0, batch_size=16), song(0))[0]
    ratios = 20 * np.log10(np.sqrt((vocals**2).mean(axis=(1, 2, 3)) / (mixture**2).mean(axis=(1, 2, 3))))
    assert ratios.max() - ratios.min() > 6


def test_vocals_can_be_made_louder() -> None:
    louder = dataclasses.replace(PLAIN, vocals_gain_db=20.0)
    pairs = zip(training(PLAIN, song(0)), training(louder, song(0)), strict=True)
    for (mixture, vocals), (mixture_louder, vocals_louder) in pairs:
        np.testing.assert_allclose(vocals_louder, 10 * vocals, rtol=1e-3, atol=1e-3)
        # Two other stems as loud as the vocals were: √3 becomes √102.
        assert np.sqrt(np.mean(mixture_louder**2) / np.mean(mixture**2)) == pytest.approx(np.sqrt(102 / 3), rel=0.05)


def test_the_rest_is_what_the_target_leaves() -> None:
    examples = Examples(song_set(song(0)), AUGMENTED)
    (waveforms, _), batch = examples(0), batches(training_batches(examples, rest=True), 1)[0]
    for made, waveform in zip(batch, (waveforms[0], waveforms[1], waveforms[0] - waveforms[1]), strict=True):
        assert snr(magnitude(waveform), made[0]) > 80  # float32, two ways to the same spectrum


def test_a_phase_sensitive_loss_gets_what_lies_in_phase_with_the_mixture() -> None:
    config = dataclasses.replace(AUGMENTED, loss="spectral_snr")
    examples = Examples(song_set(song(0)), config)
    (waveforms, _), (mixture, target) = examples(0), batches(training_batches(examples), 1)[0]
    mixed, voice = (
        frame_spectrogram(w, crop_framing(config)).numpy()[:, : FRAMING.bins].astype(np.complex128) for w in waveforms
    )
    assert snr(voice.real * mixed.real + voice.imag * mixed.imag, target[0] * np.abs(mixed)) > 80  # float32
    assert snr(np.abs(mixed), mixture[0]) > 80 and (target < 0).any()


def test_masks_silence_mixture_and_target_alike() -> None:
    config = with_augment(time_mask=1.0, time_mask_frames=8, frequency_mask=1.0, frequency_mask_bins=100)
    masked, plain = (training(c, song(0, LENGTH), count=4) for c in (config, PLAIN))
    for (mixture, vocals), (whole, _) in zip(masked, plain, strict=True):
        silent = mixture == 0
        np.testing.assert_array_equal(silent, vocals == 0)
        np.testing.assert_array_equal(mixture[~silent], whole[~silent])
        frames, bins = silent.all(axis=(2, 3)).sum(axis=1), silent.all(axis=(1, 3)).sum(axis=1)
        assert (frames <= 8).all() and (bins <= 100).all() and (frames.any() or bins.any())


def test_songs_shorter_than_a_crop_lie_in_silence() -> None:
    examples = Examples(song_set(song(0, 700)), PLAIN)
    starts = set()
    for index in range(20):
        (mixture, _), _ = examples(index)
        (sounding,) = np.nonzero(mixture.any(axis=1))
        assert 690 <= sounding[-1] - sounding[0] + 1 <= 700
        starts.add(int(sounding[0]))
    assert len(starts) > 5


def test_songs_that_do_not_fit_into_memory_take_turns() -> None:
    songs = [song(seed, 1000) for seed in range(12)]
    budget = 6 * songs[0].resident_bytes()
    shelf = Shelf(songs, budget, [0], skip=False, workers=1)
    assert shelf.turn == 4
    heard = []
    for example in range(0, 12 * EXAMPLES_PER_SONG, EXAMPLES_PER_SONG):
        heard.append({shelf.take(draw, example).open_pcm().tobytes() for draw in (0.0, 0.3, 0.6, 0.99)})
        assert len(heard[-1]) >= 3  # where one round ends and the next begins, a song may meet itself
        assert len(shelf._shelf) * songs[0].resident_bytes() <= budget
    assert len(set.union(*heard)) == 12
    again = Shelf(songs, budget, [0], skip=False, workers=1)
    order = [again._song_at(index * EXAMPLES_PER_SONG, 0) for index in range(24)]
    assert sorted(order[:12]) == sorted(order[12:]) == list(range(12)) and order[:12] != order[12:]


def test_a_turn_starts_anywhere_with_the_same_songs() -> None:
    songs = [song(seed, 1000) for seed in range(12)]
    config = dataclasses.replace(PLAIN, memory_mb=64)
    straight = Examples(song_set(*songs), config)
    for shelf in straight.shelves:
        assert shelf.turn == 12
    tight = [Shelf(songs, 5 * songs[0].resident_bytes(), [3], skip=False, workers=2) for _ in range(2)]
    for example in range(0, 1000, 97):
        tight[0].take(0.4, example)
    late, fresh = tight[0].take(0.7, 1000), tight[1].take(0.7, 1000)
    np.testing.assert_array_equal(late.open_pcm(), fresh.open_pcm())


def test_a_song_found_damaged_while_training() -> None:
    songs = (song(0), Broken("broken", song(1).arrays))
    examples = Examples(song_set(*songs), PLAIN)
    with pytest.raises(AudioError, match=r"^broken: damaged$"), songs_own_errors(examples):
        batches(training_batches(examples), 20)
    skipping = Examples(song_set(*songs), dataclasses.replace(PLAIN, bad_songs="skip"))
    with pytest.warns(UserWarning, match="left out broken"):
        batches(training_batches(skipping), 20)
    assert skipping.left_out == {"broken": "broken: damaged"}
    hopeless = Examples(song_set(songs[1]), dataclasses.replace(PLAIN, bad_songs="skip"))
    with pytest.warns(UserWarning), pytest.raises(DataError, match="none of 1 songs"):
        hopeless.preload()


def test_songs_at_another_rate_than_the_network_are_refused() -> None:
    check_framing(FRAMING)
    with pytest.raises(DataError, match="16000 Hz"):
        check_framing(dataclasses.replace(FRAMING, sample_rate=16000))

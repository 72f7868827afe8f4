"""What every augmentation does to the signal, not only to its shape."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import snr
from vocal_unet.config import AUGMENTATIONS, AugmentConfig
from vocal_unet.data import effects
from vocal_unet.data.chain import augment_target, produce, set_fader
from vocal_unet.data.masking import draw_block, mask_bins, mask_frames
from vocal_unet.data.warp import resampling_lengths, shift_pitch, stretch_time, stretching_length
from vocal_unet.errors import ConfigError

RATE = 44100


def sine(hertz: float, samples: int, amplitude: float = 0.5) -> np.ndarray:
    """float32 `(samples, 2)`; the right channel is half as loud."""
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(samples) / RATE)
    return np.stack([wave, wave / 2], axis=1).astype(np.float32)


def pitch(samples: np.ndarray) -> float:
    """Frequency of the strongest partial in Hz, to a fraction of a bin."""
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples)), 8 * len(samples)))
    return float(np.argmax(spectrum)) * RATE / (8 * len(samples))


def level(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2))))


def noise(samples: int = 40_000, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((samples, 2), dtype=np.float32)


def augment_stem(stem: np.ndarray, augment: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    return set_fader(produce(augment_target(stem, augment, rng), augment, rng), augment, rng)


def test_gain_swap_and_polarity(tone) -> None:
    stem = tone(3000)
    assert level(effects.apply_gain(stem, -7.0)) - level(stem) == pytest.approx(-7, abs=1e-4)
    np.testing.assert_array_equal(effects.swap_channels(stem)[:, 0], stem[:, 1])
    np.testing.assert_array_equal(effects.invert_polarity(stem) + stem, 0)


@pytest.mark.parametrize(("hertz", "expected"), [(30, 6.0), (1000, -9.0), (15_000, 4.0)])
def test_the_equaliser_has_its_gains_where_it_says(hertz: float, expected: float) -> None:
    stem = sine(hertz, 60_000)
    heard = effects.equalise(stem, low_db=6, peak_db=-9, high_db=4, peak_hz=1000)
    middle = slice(10_000, 50_000)
    # The shelves have not quite ended an octave or two away.
    assert level(heard[middle]) - level(stem[middle]) == pytest.approx(expected, abs=0.4)


@pytest.mark.parametrize(
    ("hertz", "expected"), [(100, 0.0), (800, 12.0), (800 * 2**0.25, 12 * np.exp(-0.5)), (8000, 0.0)]
)
def test_resonances_have_their_gains_where_they_say(hertz: float, expected: float) -> None:
    stem = sine(hertz, 60_000)
    heard = effects.resonate(stem, [(800, 12, 0.25), (3000, 9, 0.1)])
    middle = slice(10_000, 50_000)
    # between the sixtieths of an octave that the curve is asked at lie straight lines
    assert level(heard[middle]) - level(stem[middle]) == pytest.approx(expected, abs=0.05)


def test_the_equaliser_neither_delays_nor_wraps_around() -> None:
    click = np.zeros((20_000, 2), np.float32)
    click[10_000] = 1
    heard = effects.equalise(click, 8, -8, 8, 1000)
    assert np.argmax(np.abs(heard[:, 0])) == 10_000
    end = np.zeros((20_000, 2), np.float32)
    end[-1] = 1
    assert np.abs(effects.equalise(end, 8, -8, 8, 1000)[:10_000]).max() < 1e-4
    np.testing.assert_allclose(effects.equalise(click, 0, 0, 0, 1000), click, atol=1e-6)


def test_reverb_adds_a_tail_that_decays_by_60_db() -> None:
    click = np.zeros((44_100, 2), np.float32)
    click[100] = 1
    heard = effects.reverberate(click, 0.5, -6.0, np.random.default_rng(0))
    np.testing.assert_allclose(heard[: 100 + 220], click[: 100 + 220], atol=1e-5)  # 5 ms of nothing after the sound
    tail = heard - click
    assert 10 * np.log10(np.sum(tail[:, 0].astype(np.float64) ** 2)) == pytest.approx(-6, abs=0.1)
    early, late = level(tail[400:2400]), level(tail[400 + 11_025 : 2400 + 11_025])
    assert early - late == pytest.approx(30, abs=1.5)  # half of the time, half of the 60 dB; noise of 2000 samples
    assert not np.allclose(tail[:, 0], tail[:, 1], atol=1e-4)
    assert np.abs(heard[100 + 22_051 :]).max() < 1e-5


def test_soft_clipping_flattens_peaks_and_keeps_the_level() -> None:
    stem = sine(441, 44_100)
    for drive in (3.0, 12.0):
        heard = effects.clip_softly(stem, drive)
        assert level(heard) == pytest.approx(level(stem), abs=0.01)
        spectrum = np.abs(np.fft.rfft(heard[:, 0]))
        assert spectrum[1323] / spectrum[441] > 0.02, "the third harmonic"
        assert spectrum[882] / spectrum[441] < 1e-4, "tanh is odd: no second harmonic"
        crest = np.abs(heard[:, 0]).max() / np.sqrt(np.mean(heard[:, 0] ** 2))
        assert crest < np.sqrt(2) - 0.02
    np.testing.assert_array_equal(effects.clip_softly(np.zeros((10, 2), np.float32), 6), 0)


def test_noise_is_white_and_as_loud_as_asked() -> None:
    mixture = sine(441, 44_100)
    added = effects.add_noise(mixture, -20, np.random.default_rng(0)) - mixture
    assert level(added) - level(mixture) == pytest.approx(-20, abs=0.1)
    power = np.abs(np.fft.rfft(added[:, 0])) ** 2
    thirds = [10 * np.log10(part.mean()) for part in np.array_split(power, 3)]
    assert max(thirds) - min(thirds) < 0.5
    assert abs(np.corrcoef(added.T)[0, 1]) < 0.02


@pytest.mark.parametrize("semitones", [-3.0, 1.0, 4.0])
def test_pitch_shift_moves_the_pitch(semitones: float) -> None:
    samples = 30_000
    taken, _ = resampling_lengths(samples, semitones)
    heard = shift_pitch(sine(440, taken)[None], samples, semitones)[0]
    assert heard.shape == (samples, 2) and heard.dtype == np.float32
    found = 12 * np.log2(pitch(heard) / 440)
    assert found == pytest.approx(semitones, abs=0.06)  # 90 samples in 27,000
    assert level(heard[:, 0]) == pytest.approx(level(sine(440, samples)[:, 0]), abs=0.05)


def test_pitch_shift_is_exact_resampling_inside_its_margins() -> None:
    taken, made = resampling_lengths(20_000, 2.0)
    heard = shift_pitch(sine(1000, taken)[None], 20_000, 2.0)[0]
    time = (np.arange(20_000) + 1024) * taken / made
    # A sine that does not end where it began leaks at the ends; at 1024 samples' distance little is left.
    assert snr((0.5 * np.sin(2 * np.pi * 1000 * time / RATE)).astype(np.float32), heard[:, 0]) > 45


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_time_stretch_keeps_the_pitch_and_moves_events(factor: float) -> None:
    samples = 60_000
    taken = stretching_length(samples, factor)
    heard = stretch_time(sine(440, taken)[None], samples, factor)[0]
    assert heard.shape == (samples, 2)
    assert pitch(heard) == pytest.approx(440, abs=2)
    # Windows that join at the right phase keep the level of a steady tone.
    blocks = np.square(heard[:, 0].astype(np.float64)).reshape(-1, 2000).mean(axis=1)
    assert 10 * np.log10(blocks.max() / blocks.min()) < 0.5
    bursts = sine(440, taken) * ((np.arange(taken)[:, None] + 12_000) % 20_000 < 4000)
    heard = stretch_time(bursts[None], samples, factor)[0]
    loud = np.flatnonzero(np.abs(heard[:, 0]) > 0.25)
    starts = loud[np.diff(loud, prepend=-samples) > 5000]
    assert len(starts) >= 2
    # The search moves each window by up to 512 samples.
    assert np.all(np.abs(np.diff(starts) - 20_000 * factor) < 1100)


def test_stems_that_are_warped_together_stay_together(tone) -> None:
    samples = 20_000
    length = stretching_length(samples, 1.1)
    stems = np.stack([tone(length, seed=1), noise(length), np.zeros((length, 2), np.float32)])
    sums = stretch_time(stems, samples, 1.1).sum(axis=0)
    np.testing.assert_allclose(sums, stretch_time(stems.sum(axis=0)[None], samples, 1.1)[0], atol=1e-5)


def test_masks_are_those_of_tensorflow_io(monkeypatch: pytest.MonkeyPatch) -> None:
    tfio = pytest.importorskip("tensorflow_io", reason="has no wheels for Python 3.13")
    spectrogram = np.random.default_rng(0).random((30, 40)).astype(np.float32)
    for theirs, ours in ((tfio.audio.time_mask, mask_frames), (tfio.audio.freq_mask, mask_bins)):
        drawn = iter([7, 11])  # they draw the width, then the start
        with monkeypatch.context() as patch:
            patch.setattr(tf.random, "uniform", lambda drawn=drawn, **_: tf.constant(next(drawn)))
            expected = theirs(spectrogram, 10).numpy()
        found = ours(spectrogram[None, :, :, None], np.array([11], np.int32), np.array([7], np.int32)).numpy()
        np.testing.assert_array_equal(found[0, :, :, 0], expected)
        assert (expected == 0).any()


def test_drawn_blocks_are_inside_and_reach_everywhere() -> None:
    rng = np.random.default_rng(0)
    blocks = [draw_block(10, 4, rng) for _ in range(500)]
    assert all(start >= 0 and start + width <= 10 for start, width in blocks)
    assert {width for _, width in blocks} == {0, 1, 2, 3, 4} and max(sum(block) for block in blocks) == 10
    assert draw_block(2, 50, rng)[1] <= 2


@pytest.mark.parametrize(
    "name",
    [
        "gain",
        "channel_swap",
        "polarity",
        "equaliser",
        "resonance",
        "reverb",
        "soft_clip",
        "compression",
        "band_limit",
        "doubling",
        "echo",
        "stereo",
        "formant_shift",
        "harmony",
    ],
)
def test_each_effect_on_a_stem_happens_with_its_probability(name: str) -> None:
    stem = noise(40_000 if name == "echo" else 4000)
    augment = dataclasses.replace(AugmentConfig.NONE, **{name: 0.3})
    changed = sum(
        not np.array_equal(augment_stem(stem, augment, np.random.default_rng(seed)), stem) for seed in range(300)
    )
    assert abs(changed - 90) < 40  # binomial: standard deviation 7.9; five of them
    np.testing.assert_array_equal(augment_stem(stem, AugmentConfig.NONE, np.random.default_rng(0)), stem)


def test_effects_leave_their_input_alone() -> None:
    stem = noise(3000)
    kept = stem.copy()
    everything = dataclasses.replace(AugmentConfig.STRONG, **dict.fromkeys(AUGMENTATIONS, 1.0))
    assert not np.array_equal(augment_stem(stem, everything, np.random.default_rng(0)), kept)
    np.testing.assert_array_equal(stem, kept)


@pytest.mark.parametrize("wanted", [1, 2, 7, 1000, 4097, 135_168, 172_801])
def test_fast_lengths(wanted: int) -> None:
    found = effects.fast_length(wanted)
    assert wanted <= found <= max(2, 1.1 * wanted + 2) and found % 2 == 0
    for prime in (2, 3, 5):
        while found % prime == 0:
            found //= prime
    assert found == 1


@pytest.mark.parametrize(
    "values",
    [
        {"reverb": 1.5}, {"gain_db": -1.0}, {"pitch_semitones": 13.0}, {"noise_db": (0.0, -60.0)}, {"noise_db": (1.0,)},
        {"stretch_factors": (0.1, 1.0)}, {"time_mask_frames": 0}, {"reverb_seconds": (0.0, 1.0)},
        {"formant_semitones": -1.0}, {"resonance_db": (-1.0, 6.0)}, {"balance_db": (6.0, -15.0)}, {"rest_only": -0.1},
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(values: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        AugmentConfig(**values)


def test_settings_survive_json_and_unknown_ones_are_named() -> None:
    assert AugmentConfig.from_dict(AugmentConfig.STRONG.to_dict()) == AugmentConfig.STRONG
    with pytest.raises(ConfigError, match="'revreb'"):
        AugmentConfig.from_dict({"revreb": 0.5})

"""What studio effects and level measurements do to the signal."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import snr
from vocal_unet.data import levels, production
from vocal_unet.data.voices import harmonise, shift_formants
from vocal_unet.data.warp import transpose

RATE = 44100


def sine(hertz: float, samples: int = RATE, amplitude: float = 0.5) -> np.ndarray:
    """float32 `(samples, 2)`; the right channel is half as loud."""
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(samples) / RATE)
    return np.stack([wave, wave / 2], axis=1).astype(np.float32)


def click(at: int, samples: int = RATE) -> np.ndarray:
    stem = np.zeros((samples, 2), np.float32)
    stem[at] = (1, 0.5)
    return stem


def level(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2))))


def vowel(pitch: float, formant: float, samples: int = RATE) -> np.ndarray:
    """Partials of `pitch` under one resonance, float32 `(samples, 2)`."""
    partials = np.arange(1, int(10_000 / pitch)) * pitch
    gains = 0.003 + 1 / (1 + ((partials - formant) / 150) ** 2)
    time = np.arange(samples) / RATE
    wave = np.sum(gains[:, None] * np.sin(2 * np.pi * partials[:, None] * time + partials[:, None] ** 2), axis=0)
    return np.stack([wave, wave], axis=1).astype(np.float32) * np.float32(0.05)


def spectrum(stem: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(stem[: RATE // 2 * 2, 0] * np.hanning(RATE)))  # 1 Hz per bin


def test_a_compressor_evens_out_levels_and_keeps_the_energy() -> None:
    quiet, loud = sine(440, RATE, 0.02), sine(440, RATE, 0.5)
    stem = np.concatenate([quiet, loud, quiet])
    heard = production.compress(stem, threshold_db=-40, ratio=4, attack=0.002, release=0.02)
    assert level(heard) == pytest.approx(level(stem), abs=0.01)
    before = level(loud[20_000:]) - level(quiet[20_000:])
    after = level(heard[RATE + 20_000 : 2 * RATE]) - level(heard[20_000:RATE])
    # The quiet part lies 12 dB above the threshold too, so all of the difference is divided; detection ripples by tenths.
    assert before == pytest.approx(27.96, abs=0.01) and after == pytest.approx(before / 4, abs=0.5)
    np.testing.assert_array_equal(production.compress(np.zeros((100, 2), np.float32), -20, 4, 0.01, 0.1), 0)


def test_a_compressor_lets_the_attack_through() -> None:
    stem = np.concatenate([sine(440, RATE, 0.01), sine(440, RATE, 0.5)])
    heard = production.compress(stem, -30, 8, attack=0.03, release=0.1)
    attack, later = heard[RATE : RATE + 400], heard[RATE + 15_000 : RATE + 30_000]
    assert np.abs(attack).max() > 2 * np.abs(later).max()


@pytest.mark.parametrize(("hertz", "expected"), [(1000, 0), (300, -3), (150, -24), (3400, -3), (6800, -24)])
def test_the_band_is_limited_where_it_says(hertz: float, expected: float) -> None:
    stem = sine(hertz)
    heard = production.limit_band(stem, 300, 3400, 24)
    middle = slice(8000, 36_000)
    assert level(heard[middle]) - level(stem[middle]) == pytest.approx(expected, abs=0.5)
    np.testing.assert_allclose(production.limit_band(stem, 0, 1e6, 24), stem, atol=1e-5)


def test_doubles_are_late_out_of_tune_and_to_the_sides() -> None:
    heard = production.double(click(1000), milliseconds=20, cents=0, decibels=-6, width=1) - click(1000)
    left, right = np.flatnonzero(np.abs(heard[:, 0]) > 0.1), np.flatnonzero(np.abs(heard[:, 1]) > 0.1)
    assert left.tolist() == [1882] and right.tolist() == [2176]
    assert heard[1882, 0] == pytest.approx(2 * 0.75 * 10 ** (-6 / 20), rel=1e-4)
    copies = production.double(sine(1000), 20, cents=30, decibels=0, width=1) - sine(1000)
    for side, expected in ((0, 1000 * 2 ** (30 / 1200)), (1, 1000 / 2 ** (30 / 1200))):
        peak = np.argmax(np.abs(np.fft.rfft(copies[2000:-2000, side], 10 * RATE))) / 10
        assert peak == pytest.approx(expected, abs=0.6)
    centred = production.double(sine(1000), 20, 30, 0, width=0) - sine(1000)
    np.testing.assert_allclose(centred[:, 0], centred[:, 1], atol=1e-5)


@pytest.mark.parametrize("ping_pong", [False, True])
def test_echoes_come_again_and_fade(ping_pong: bool) -> None:
    heard = production.echo(click(10), 0.25, -6, 3, ping_pong=ping_pong)
    gain = 10 ** (-6 / 20)
    for number in range(4):
        expected = np.array([1, 0.5])[:: -1 if ping_pong and number % 2 else 1] * gain**number
        np.testing.assert_allclose(heard[10 + number * 11_025], expected, rtol=1e-5)
    assert np.count_nonzero(heard.any(axis=1)) == 4
    np.testing.assert_array_equal(production.echo(click(10, 500), 1.0, -6, 3, ping_pong=ping_pong), click(10, 500))


def test_width_scales_the_sides_and_leaves_the_sum() -> None:
    stem = np.random.default_rng(0).standard_normal((5000, 2)).astype(np.float32)
    for width, spread in ((0.0, 0.0), (1.7, 0.0), (0.5, 0.6)):
        heard = production.widen(stem, width, spread, 10)
        np.testing.assert_allclose(heard.sum(axis=1), stem.sum(axis=1), atol=1e-5)
    np.testing.assert_allclose(production.widen(stem, 1.0, 0.0, 10), stem, atol=1e-6)
    mono = production.widen(stem, 0.0, 0.0, 10)
    np.testing.assert_array_equal(mono[:, 0], mono[:, 1])
    assert np.std(np.diff(production.widen(mono, 0.0, 0.6, 10), axis=1)) > 0.3


def test_a_place_left_or_right() -> None:
    stem = sine(440)
    np.testing.assert_array_equal(production.place(stem, 0.0), stem)
    np.testing.assert_array_equal(production.place(stem, 1.0)[:, 0], 0)
    np.testing.assert_array_equal(production.place(stem, -0.25)[:, 0], stem[:, 0])
    np.testing.assert_allclose(production.place(stem, -0.25)[:, 1], 0.75 * stem[:, 1])


@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_formants_move_and_the_pitch_stays(semitones: float) -> None:
    stem = vowel(150, 1500)
    heard = shift_formants(stem, semitones)
    assert heard.shape == stem.shape and heard.dtype == np.float32
    assert level(heard) == pytest.approx(level(stem), abs=0.01)
    before, after = spectrum(stem), spectrum(heard)
    partials = np.arange(150, 9000, 150)
    between = after[partials[:-1] + 75].max()
    assert between < 0.01 * after.max(), "still the same partials"
    resonance = partials[np.argmax(after[partials])]
    # The nearest partial may be half a partial's distance away.
    assert partials[np.argmax(before[partials])] == 1500
    assert resonance == pytest.approx(1500 * 2 ** (semitones / 12), abs=160)
    np.testing.assert_array_equal(shift_formants(np.zeros((5000, 2), np.float32), 3.0), 0)
    assert snr(stem, shift_formants(stem, 0.0)) > 80


@pytest.mark.parametrize("semitones", [-12.0, 4.0])
def test_transposing_changes_the_pitch_and_not_the_tempo(semitones: float) -> None:
    heard = transpose(sine(440, 2 * RATE)[None], semitones)[0]
    assert heard.shape == (2 * RATE, 2)
    peak = np.argmax(np.abs(np.fft.rfft(heard[:RATE, 0] * np.hanning(RATE), 10 * RATE))) / 10
    assert 12 * np.log2(peak / 440) == pytest.approx(semitones, abs=0.1)
    burst = np.zeros((2 * RATE, 2), np.float32)
    burst[RATE : RATE + 8000] = sine(440, 8000)
    loud = np.flatnonzero(np.abs(transpose(burst[None], semitones)[0, :, 0]) > 0.25)
    assert loud[0] == pytest.approx(RATE, abs=2100)  # a window of the stretching, and what its search allows


def test_a_harmony_is_added_at_its_interval_and_place() -> None:
    stem = sine(440)
    heard = harmonise(stem, 7.0, -6.0, -1.0)
    np.testing.assert_array_equal(heard[:, 1], stem[:, 1])
    found = spectrum(heard)
    fifth = 440 * 2 ** (7 / 12)
    # Where windows of the stretching meet, some of a partial's energy lies beside it.
    assert found[round(fifth) - 3 : round(fifth) + 4].max() / found[440] == pytest.approx(0.5, abs=0.15)


def test_levels_are_measured_where_there_is_sound() -> None:
    stem = np.concatenate([np.zeros((RATE, 2), np.float32), sine(441), np.zeros((2 * RATE, 2), np.float32)])
    assert levels.active_level(stem) == pytest.approx(np.sqrt((0.125 + 0.03125) / 2), rel=1e-3)
    assert levels.active_share(stem, 0.5) == pytest.approx(0.25, abs=0.02)
    assert levels.active_share(stem, 0.0) == levels.active_level(np.zeros((10, 2), np.float32)) == 0
    assert levels.active_share(0.001 * stem, 0.5) == 0, "60 dB below what the song has elsewhere"


def test_balance_is_between_active_levels() -> None:
    voice = np.concatenate([sine(441), np.zeros((3 * RATE, 2), np.float32)])
    band = sine(300, 4 * RATE, 0.1)
    heard = levels.balance(voice, band, -5.0)
    assert level(heard[:RATE]) - level(band) == pytest.approx(-5, abs=0.01)
    silence = np.zeros_like(band)
    np.testing.assert_array_equal(levels.balance(voice, silence, -5.0), voice)
    np.testing.assert_array_equal(levels.balance(silence, band, -5.0), silence)

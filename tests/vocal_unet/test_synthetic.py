"""The song generator: the same seed gives the same song, other seeds other ones; levels, lengths, no NaN."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import snr
from vocal_unet.data.synthetic import STEMS, dsp, generate_song, solos
from vocal_unet.data.synthetic.curves import Curves
from vocal_unet.data.synthetic.plan import Note, make_plan, make_rap
from vocal_unet.data.synthetic.tract import VOWELS, formant_gains
from vocal_unet.data.synthetic.voice import make_singer, sing

RATE = 44100


@pytest.fixture(scope="module")
def songs() -> list[dict[str, np.ndarray]]:
    return [generate_song(seed, 6.0) for seed in range(5)]


def test_stems_are_stereo_float32_of_the_asked_length(songs: list[dict[str, np.ndarray]]) -> None:
    for song in songs:
        assert tuple(song) == STEMS
        for samples in song.values():
            assert samples.shape == (6 * RATE, 2) and samples.dtype == np.float32
            assert np.isfinite(samples).all() and samples.any()


@pytest.mark.parametrize("seconds", [0.001, 0.1, 1.23456])
def test_short_songs(seconds: float) -> None:
    song = generate_song(3, seconds)
    assert all(samples.shape == (round(seconds * RATE), 2) for samples in song.values())
    assert all(np.isfinite(samples).all() for samples in song.values())


def test_the_seed_decides() -> None:
    first, again, other = generate_song(7, 2.0), generate_song(7, 2.0), generate_song(8, 2.0)
    for stem in STEMS:
        np.testing.assert_array_equal(first[stem], again[stem])
        assert not np.array_equal(first[stem], other[stem])


def test_the_mixture_does_not_clip_and_vocals_lie_below_the_rest(songs: list[dict[str, np.ndarray]]) -> None:
    for song in songs:
        vocals, rest = song["vocals"], song["drums"] + song["bass"] + song["other"]
        assert 0.29 <= np.abs(vocals + rest).max() <= 0.951
        ratio = 10 * np.log10(np.mean(vocals.astype(np.float64) ** 2) / np.mean(rest.astype(np.float64) ** 2))
        assert -10.1 <= ratio <= -2.9


def test_every_section_has_singers_players_and_levels_of_its_own() -> None:
    starts = make_plan(40 * RATE, RATE, np.random.default_rng(2)).section_starts()
    assert len(starts) > 1 and 10 * RATE <= starts[1] < 20 * RATE
    song = generate_song(2, 40)
    for stem in STEMS:
        first, second = (_bands(song[stem][start : start + 8 * RATE]) for start in starts[:2])
        assert np.abs(first - second).mean() > 2  # within a section the drums differ by 0.6 dB


def _bands(stem: np.ndarray) -> np.ndarray:
    """Level below 8 kHz in dB, in bands of 50 Hz."""
    spectrum = np.abs(np.fft.rfft(stem.astype(np.float64).sum(axis=1))) / np.sqrt(len(stem))
    width = 50 * len(stem) // RATE
    return 20 * np.log10(spectrum[: 160 * width].reshape(160, width).mean(axis=1) + 1e-4)


def test_a_section_dies_away_under_the_next_one() -> None:
    """No click where sections meet: the largest jump is elsewhere, and the level does not drop to nothing."""
    start = make_plan(40 * RATE, RATE, np.random.default_rng(2)).section_starts()[1]
    mixture = sum(generate_song(2, 40).values())
    whole, there = np.abs(np.diff(mixture, axis=0)), np.abs(np.diff(mixture[start - 5 : start + 5], axis=0))
    assert there.max() < whole.max()
    assert np.mean(mixture[start - RATE // 20 : start + RATE // 20] ** 2) > 1e-4 * np.mean(mixture**2)


def test_a_short_song_is_one_section() -> None:
    for seed in range(50):
        assert make_plan(15 * RATE - 1, RATE, np.random.default_rng(seed)).section_starts() == [0]


def test_stems_are_not_alike(songs: list[dict[str, np.ndarray]]) -> None:
    for song in songs:
        flat = np.stack([song[stem].ravel() for stem in STEMS]).astype(np.float64)
        correlation = np.corrcoef(flat) - np.eye(len(STEMS))
        assert np.abs(correlation).max() < 0.5


def test_bass_is_low_and_vocals_are_in_the_middle(songs: list[dict[str, np.ndarray]]) -> None:
    for song in songs:
        spectrum = np.abs(np.fft.rfft(song["bass"].mean(axis=1))) ** 2
        frequency = np.fft.rfftfreq(len(song["bass"]), 1 / RATE)
        assert spectrum[frequency < 700].sum() > 0.8 * spectrum.sum()
        left, right = (np.sqrt(np.mean(song["vocals"][:, side] ** 2)) for side in (0, 1))
        assert 0.5 < left / right < 2


def test_other_sample_rates() -> None:
    assert generate_song(0, 1.0, sample_rate=16000)["vocals"].shape == (16000, 2)


def test_filter_frames_add_up_to_the_signal() -> None:
    signal = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    assert snr(signal, dsp.from_spectra(dsp.spectra(signal), 5000)) > 110


def test_the_sawtooth_has_its_pitch_and_hardly_any_aliases() -> None:
    # 1000 Hz at 44100 Hz: partials fall on multiples of 1000, aliases between them.
    wave = dsp.sawtooth(np.full(RATE, 1000.0), RATE, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(wave))
    partials = spectrum[1000:22000:1000]
    assert spectrum[1:].argmax() + 1 == 1000
    np.testing.assert_allclose(partials[:4] / partials[0], [1, 1 / 2, 1 / 3, 1 / 4], rtol=0.05)
    between = np.delete(spectrum[:10000], np.arange(0, 10000, 1000))
    assert 20 * np.log10(between.max() / partials[0]) < -40


def test_panning_keeps_the_power() -> None:
    signal = np.ones(10, np.float32)
    for position in (-1.0, -0.3, 0.0, 1.0):
        assert np.sum(dsp.pan(signal, position) ** 2) == pytest.approx(20, rel=1e-6)
    assert np.abs(dsp.pan(signal, -1.0)[:, 1]).max() < 1e-6


def test_a_room_adds_a_tail_and_leaves_the_beginning() -> None:
    click = np.zeros((RATE, 2), np.float32)
    click[0] = 1
    wet = dsp.reverberate(click, RATE, 0.5, 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(wet[:80], click[:80])
    early, late = np.mean(wet[2000:6000] ** 2), np.mean(wet[14000:18000] ** 2)
    assert early > 30 * late > 0
    assert np.sum(wet[80:, 0] ** 2) == pytest.approx(0.25, rel=0.1)


def test_pitch_glides_and_vibrato_sets_in_late() -> None:
    plan = make_plan(4 * RATE, RATE, np.random.default_rng(0))
    curves = Curves(plan, [Note(0.0, 1.9, 60.0, 1.0), Note(2.0, 1.9, 67.0, 0.5)])
    rng = np.random.default_rng(0)
    pitch = curves.pitch(0.2, 0.0, rng)
    assert pitch[0] == pytest.approx(60) and pitch[-1] == pytest.approx(67) and np.all(np.diff(pitch) > -1e-9)
    gliding = (pitch > 60.01) & (pitch < 66.99)
    assert 0.1 < gliding.sum() * curves.seconds <= 0.2 + 2 * curves.seconds
    vibrato = curves.vibrato(6.0, 0.5, 0.5, rng)
    still = curves.points(2.0) + np.arange(curves.points(0.45))
    assert np.abs(vibrato[still]).max() == 0 and 0.45 < np.abs(vibrato).max() <= 0.5
    assert curves.hertz(np.full(curves.count, 69.0)).tolist() == [440.0] * plan.samples
    loudness = curves.loudness(0.05, 0.0, 0.03)
    assert loudness[curves.points(1.0)] == pytest.approx(1) and loudness[curves.points(3.0)] == pytest.approx(0.5)
    ringing = curves.loudness(0.01, 1.0, 0.03)
    assert 20 * np.log10(ringing[curves.points(1.5)] / ringing[curves.points(0.5)]) == pytest.approx(-60, abs=1)


def test_rap_is_fast_and_falls_in_each_line() -> None:
    falls = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        plan = make_plan(20 * RATE, RATE, rng)
        notes = make_rap(plan, 50.0, 0.2, rng)
        starts = np.array([note.start for note in notes])
        assert np.median(np.diff(starts)) < 0.5
        assert np.median([note.duration for note in notes]) < 0.45
        line = [note.pitch for note in notes if note.start < 4 * plan.beat]
        falls.append(np.polyfit(np.arange(len(line)), line, 1)[0] * len(line))
    assert -9 < np.median(falls) < -1


def test_a_vowel_has_its_formants() -> None:
    frequency = dsp.frequencies(RATE)
    gains = formant_gains(RATE, VOWELS, tract=1.0, bandwidth=1.0, ring=0.0)
    for envelope, (first, second, _) in zip(gains, VOWELS, strict=True):
        # Two resonances that lie close together make one peak between them.
        assert first - 60 <= frequency[np.argmax(envelope)] <= second
        higher = (frequency > (first + second) / 2) & (frequency < second + 300)
        assert np.abs(frequency[higher][np.argmax(envelope[higher])] - second) < 250


def test_voices_are_of_many_kinds() -> None:
    singers = [make_singer(np.random.default_rng(seed)) for seed in range(100)]
    assert np.ptp([singer.low for singer in singers]) > 20 and np.ptp([singer.tract for singer in singers]) > 0.2
    for seed in range(6):
        rng = np.random.default_rng(seed)
        voice = sing(make_plan(2 * RATE, RATE, rng), rng)
        assert voice.shape == (2 * RATE, 2) and np.isfinite(voice).all() and voice.any()


@pytest.mark.parametrize("kind", list(solos._KINDS))
def test_every_solo_instrument_plays_its_tune(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solos, "_KINDS", {kind: solos._KINDS[kind]})
    rng = np.random.default_rng(3)
    track = solos.play_solo(make_plan(4 * RATE, RATE, rng), rng)
    assert track.shape == (4 * RATE, 2) and track.dtype == np.float32 and np.isfinite(track).all()
    spectrum = np.abs(np.fft.rfft(track.sum(axis=1))) ** 2
    hertz = np.fft.rfftfreq(len(track), 1 / RATE)
    low = 440 * 2 ** ((solos._KINDS[kind].low[0] - 3 - 69) / 12)
    assert spectrum[hertz > low].sum() > 0.95 * spectrum.sum(), "nothing below its range"
    # A tune has gaps between its partials: most of the energy lies in few bins.
    assert np.sort(spectrum)[::-1][: len(spectrum) // 20].sum() > 0.8 * spectrum.sum()

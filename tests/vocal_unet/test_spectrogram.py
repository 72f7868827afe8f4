"""The spectrogram people look at: right frequencies, right times, the same from blocks of any size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vocal_unet import log_spectrogram, row_edges


@pytest.mark.parametrize("hertz", [110.0, 1000.0, 9000.0])
def test_a_tone_is_where_it_sounds(hertz: float) -> None:
    time = np.arange(44100)[:, None] / 44100
    picture = log_spectrogram([np.sin(2 * np.pi * hertz * time) * np.ones((1, 2))], 44100, 44100, rows=60, columns=50)
    edges = row_edges(44100, 60)
    assert picture.shape == (60, 50) and picture.dtype == np.float32
    for column in picture.T:
        row = column.argmax()
        # the window's main lobe is 4 bins of 11 Hz wide, wider than a low row
        assert edges[row] - 22 <= hertz <= edges[row + 1] + 22


def test_time_runs_to_the_right() -> None:
    click = np.zeros((44100, 1), np.float32)
    click[22050] = 1.0
    picture = log_spectrogram([click], 44100, 44100, columns=100)
    # the window spreads a click over 4096 samples, 9 columns
    assert 45 <= picture.max(axis=0).argmax() <= 54
    assert picture[:, :40].max() < -150 and picture[:, 60:].max() < -150


def test_white_noise_has_one_level() -> None:
    noise = np.random.default_rng(0).standard_normal((10 * 44100, 1))
    levels = log_spectrogram([noise], 44100, len(noise), rows=30, columns=1)[:, 0]
    # the lowest rows hold one or two bins, whose mean over 10 s still scatters
    assert np.ptp(levels[5:]) < 1.5


@pytest.mark.parametrize("block", [1000, 4096, 44100])
def test_blocks_make_no_difference(tone: Callable[..., np.ndarray], block: int) -> None:
    waveform = tone(60000)
    whole = log_spectrogram([waveform], 44100, len(waveform))
    parts = log_spectrogram([waveform[i : i + block] for i in range(0, 60000, block)], 44100, len(waveform))
    # float32 sums in another order
    np.testing.assert_allclose(parts, whole, atol=0.01)


def test_very_short_and_silent_songs(tone: Callable[..., np.ndarray]) -> None:
    assert np.isfinite(log_spectrogram([tone(10)], 44100, 10)).all()
    assert (log_spectrogram([np.zeros((5000, 2))], 44100, 5000) == -200).all()

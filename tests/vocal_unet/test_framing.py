"""Framing: exact inverse, Spleeter's shapes, equality with tf.signal."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import snr
from vocal_unet.config import FRAMINGS, Framing
from vocal_unet.errors import ConfigError
from vocal_unet.framing import frame_spectrogram, inverse_gain, istft, overlap_add, stft

BOTH = pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)


@BOTH
@pytest.mark.parametrize("samples", [1, 2, 1023, 1024, 1025, 2205, 44100, 100_001, 268_288])
def test_inverse_gives_the_waveform_back(framing: Framing, samples: int, tone) -> None:
    waveform = tone(samples)
    spectrogram = stft(waveform, framing)
    assert spectrogram.shape == (framing.frames(samples), framing.stft_bins, 2)
    # float32 has 24 bits (144 dB); an FFT of 4096 points and back loses a few of them.
    assert snr(waveform, istft(spectrogram, framing, samples).numpy()) >= 120


@BOTH
def test_stft_is_tf_signal_with_spleeters_padding(framing: Framing, tone) -> None:
    waveform = tone(30_001)
    padded = np.concatenate([np.zeros((framing.frame_length, 2), np.float32), waveform])
    expected = tf.signal.stft(padded.T, framing.frame_length, framing.frame_step, pad_end=True)
    expected = np.transpose(expected, (1, 2, 0))
    assert snr(np.abs(expected), np.abs(stft(waveform, framing))) >= 120


def test_the_gain_is_spleeters_two_thirds_at_three_quarters_overlap() -> None:
    assert inverse_gain(Framing.SPLEETER) == pytest.approx(2 / 3, abs=1e-7)
    assert inverse_gain(Framing(frame_length=4096, frame_step=512)) == pytest.approx(1 / 3, abs=1e-7)


def test_other_overlaps_invert_exactly_too(tone) -> None:
    framing = Framing(frame_length=3072, frame_step=1024, bins=1000)
    waveform = tone(20_000)
    assert snr(waveform, istft(stft(waveform, framing), framing, 20_000).numpy()) >= 120


def test_the_paper_preset_has_the_papers_shape() -> None:
    framing = Framing.PAPER
    assert (framing.segment_frames, framing.bins, framing.stft_bins) == (587, 1025, 1025)
    samples = np.zeros((framing.segment_samples, 2), np.float32)
    assert frame_spectrogram(samples, framing).shape == (587, 1025, 2)


def test_leading_axes_are_kept(tone) -> None:
    framing = Framing.SPLEETER
    batch = np.stack([tone(9000, seed=seed) for seed in range(3)])
    spectrogram = frame_spectrogram(batch, framing)
    assert spectrogram.shape == (3, 1 + (9000 - 4096) // 1024, 2049, 2)
    np.testing.assert_allclose(overlap_add(spectrogram, framing)[1], overlap_add(spectrogram[1], framing), atol=1e-7)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"frame_step": 2048}, "uneven"),
        ({"frame_step": 1000}, "multiple"),
        ({"bins": 2050}, "at most"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"channels": 1.5}, "channels"),
    ],
)
def test_impossible_framings_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Framing(**values)

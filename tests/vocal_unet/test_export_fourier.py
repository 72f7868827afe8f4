"""The Fourier transform in matrix products against NumPy's in float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import snr
from vocal_unet.export.fourier import inverse_real_fourier, real_fourier


@pytest.mark.parametrize("length", [4096, 2048, 512, 48, 15, 7, 2])
def test_both_ways(length: int) -> None:
    frames = np.random.default_rng(0).standard_normal((5, length)).astype(np.float32)
    real, imaginary = real_fourier(tf.constant(frames), tf.constant(0.0))
    expected = np.fft.rfft(frames.astype(np.float64))
    assert real.shape == imaginary.shape == (5, length // 2 + 1)
    # float32 sums of up to 128 terms, twice: about 2⁻²² of the whole
    assert snr(np.hstack([expected.real, expected.imag]), np.hstack([real, imaginary])) >= 125
    assert snr(frames, inverse_real_fourier(real, imaginary, length, tf.constant(0.0)).numpy()) >= 125


def test_the_inverse_takes_what_is_no_spectrum_of_real_numbers_as_numpy_does() -> None:
    rng = np.random.default_rng(1)
    real, imaginary = rng.standard_normal((2, 3, 33)).astype(np.float32)
    expected = np.fft.irfft(real.astype(np.float64) + 1j * imaginary, 64)
    assert snr(expected, inverse_real_fourier(real, imaginary, 64, tf.constant(0.0)).numpy()) >= 125

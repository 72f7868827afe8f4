"""The real Fourier transform in real arithmetic: matrix products, for formats without complex numbers or an FFT.

A transform of N = rows · columns points is done in two stages of `rows` and `columns` points with a twist between them
(Cooley and Tukey, 1965): at N = 4096 two products with matrices of about 128 × 64 numbers.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import tensorflow as tf


@functools.lru_cache
def _factors(length: int) -> tuple[int, int]:
    """rows · columns = length, as near to each other as they can be."""
    rows = next(divisor for divisor in range(math.isqrt(length), 0, -1) if length % divisor == 0)
    return rows, length // rows


def _wave(first: int, second: int, period: int) -> np.ndarray:
    """exp(-2πi · first · second / period), complex128 `(first, second)`."""
    return np.exp(-2j * np.pi * (np.outer(np.arange(first), np.arange(second)) % period) / period)


def _parts(matrix: np.ndarray, zero: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Real and imaginary part, float32."""
    return matrix.real.astype(np.float32) + zero, matrix.imag.astype(np.float32) + zero


def real_fourier(frames: tf.Tensor, zero: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Real and imaginary part of `tf.signal.rfft`.

    Args:
        frames: float32 `(frames, length)`.
        zero: a scalar 0 that converters cannot know to be one. They would store the matrices with the precision of
            weights, 8 bits where those have 8.

    Returns:
        Twice float32 `(frames, length // 2 + 1)`.
    """
    length = int(frames.shape[-1])
    rows, columns = _factors(length)
    bins = length // 2 + 1
    kept = (bins - 1) // rows + 1
    # sample = columns · first + second, bin = row + rows · column
    x = tf.reshape(frames, [-1, rows, columns])
    real, imaginary = _parts(_wave(rows, rows, rows), zero)
    y_real, y_imaginary = tf.matmul(real, x), tf.matmul(imaginary, x)  # (frames, row, second)
    real, imaginary = _parts(_wave(rows, columns, length), zero)
    y_real, y_imaginary = y_real * real - y_imaginary * imaginary, y_real * imaginary + y_imaginary * real
    real, imaginary = _parts(_wave(columns, kept, columns), zero)
    z_real = tf.matmul(y_real, real) - tf.matmul(y_imaginary, imaginary)  # (frames, row, column)
    z_imaginary = tf.matmul(y_real, imaginary) + tf.matmul(y_imaginary, real)
    return _flat(z_real, rows * kept)[:, :bins], _flat(z_imaginary, rows * kept)[:, :bins]


def inverse_real_fourier(real: tf.Tensor, imaginary: tf.Tensor, length: int, zero: tf.Tensor) -> tf.Tensor:
    """`tf.signal.irfft`.

    Args:
        real: float32 `(frames, length // 2 + 1)`.
        imaginary: the same.
        length: of the frames.
        zero: as for `real_fourier`.

    Returns:
        float32 `(frames, length)`.
    """
    rows, columns = _factors(length)
    bins = length // 2 + 1
    kept = (bins - 1) // rows + 1
    # The upper half of the spectrum is the lower one's conjugate: twice the real part of the lower one's sum.
    weight = np.full(bins, 2 / length)
    weight[0] = 1 / length
    if length % 2 == 0:
        weight[-1] = 1 / length
    padding = [[0, 0], [0, rows * kept - bins]]
    z_real, z_imaginary = (
        tf.transpose(tf.reshape(tf.pad(part * weight.astype(np.float32), padding), [-1, kept, rows]), [0, 2, 1])
        for part in (real, imaginary)
    )  # (frames, row, column)
    c, s = _parts(_wave(kept, columns, columns).conj(), zero)
    y_real = tf.matmul(z_real, c) - tf.matmul(z_imaginary, s)  # (frames, row, second)
    y_imaginary = tf.matmul(z_real, s) + tf.matmul(z_imaginary, c)
    c, s = _parts(_wave(rows, columns, length).conj(), zero)
    y_real, y_imaginary = y_real * c - y_imaginary * s, y_real * s + y_imaginary * c
    c, s = _parts(_wave(rows, rows, rows).conj(), zero)
    return tf.reshape(tf.matmul(c, y_real) - tf.matmul(s, y_imaginary), [-1, length])


def _flat(x: tf.Tensor, size: int) -> tf.Tensor:
    return tf.reshape(tf.transpose(x, [0, 2, 1]), [-1, size])

"""The multichannel Wiener filter that Spleeter's `--mwf` applies, in two steps that each need one segment at a time.

Spleeter calls `norbert.wiener(v, x)` once on the whole song: a ratio mask gives a first estimate y of every stem, one
spatial covariance matrix R per stem and bin is estimated from y over all frames, and the posterior mean under that local
Gaussian model is the result (N.Q. Duong, E. Vincent, R. Gribonval, IEEE TASLP 18.7, 2010; norbert 0.2.1). All that the
result needs from other frames are sums over time and one maximum, so `collect` gathers those, segment by segment, and
`wiener_filter` applies them. Computed in float64: norbert's 2×2 inverse in float32 loses digits on nearly mono sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

EPSILON = float(np.finfo(np.float32).eps)
"""norbert's guard against division by zero, taken from the dtype that Spleeter hands to it."""
REGULARIZATION = EPSILON**0.5
"""What norbert adds to the diagonal of the mixture's covariance."""


class Statistics(NamedTuple):
    """What the filter knows of the frames it is not applied to. The first axis is 1 where segments share statistics."""

    covariance: tf.Tensor
    """Σₜ y yᴴ, complex128 `(segments, stems, bins, channels, channels)`."""
    power: tf.Tensor
    """Σₜ of the channels' mean |y|², float64 `(segments, stems, bins)`."""
    peak: tf.Tensor
    """Largest |x| over all bins, float64 `(segments,)`."""


def collect(estimates: Sequence[tf.Tensor], spectrogram: tf.Tensor) -> Statistics:
    """Statistics of each segment by itself.

    Args:
        estimates: the network's magnitude per stem, float32 `(segments, frames, bins, channels)`.
        spectrogram: the mixture, complex64 `(segments, frames, stft_bins, channels)`, stft_bins >= bins.
    """
    stems = _first_estimates(estimates, spectrogram)
    return Statistics(
        covariance=tf.einsum("jstfc,jstfd->sjfcd", stems, tf.math.conj(stems)),
        power=tf.transpose(tf.reduce_sum(_power(stems), axis=2), [1, 0, 2]),
        peak=tf.cast(tf.reduce_max(tf.abs(spectrogram), axis=[1, 2, 3]), tf.float64),
    )


def merge(*parts: Statistics) -> Statistics:
    """Statistics of everything the parts were collected from, as one: their first axes become 1."""
    joined = Statistics(*(tf.concat(values, axis=0) for values in zip(*parts, strict=True)))
    return Statistics(
        covariance=tf.reduce_sum(joined.covariance, axis=0, keepdims=True),
        power=tf.reduce_sum(joined.power, axis=0, keepdims=True),
        peak=tf.reduce_max(joined.peak, axis=0, keepdims=True),
    )


def wiener_filter(estimates: Sequence[tf.Tensor], spectrogram: tf.Tensor, statistics: Statistics) -> tf.Tensor:
    """Every stem of the mixture below the highest bin the network sees: `norbert.wiener(v, x)` with one iteration.

    Args:
        estimates: as for `collect`.
        spectrogram: as for `collect`; two channels.
        statistics: of the segments themselves, or of the whole song.

    Returns:
        complex64 `(stems, segments, frames, bins, 2)`. Above `bins` norbert's stems are silent, because there v is 0.
    """
    # norbert scales the song down to a peak of 10, so that its guards weigh the same on loud and on quiet songs
    scale = tf.maximum(statistics.peak / 10, 1)[:, tf.newaxis, tf.newaxis] ** 2  # (segments, 1, 1)
    power = (
        _power(_first_estimates(estimates, spectrogram)) / scale[tf.newaxis, :, :, :]
    )  # (stems, segments, frames, bins)
    weight = EPSILON + statistics.power / scale  # (segments, stems, bins)
    spatial = statistics.covariance / tf.cast((weight * scale)[..., tf.newaxis, tf.newaxis], tf.complex128)
    spatial = tf.transpose(spatial, [1, 0, 2, 3, 4])[:, :, tf.newaxis]  # (stems, segments, 1, bins, channels, channels)
    left, right = tf.math.real(spatial[..., 0, 0]), tf.math.real(spatial[..., 1, 1])
    cross = spatial[..., 0, 1]

    # the mixture's covariance [[a, b], [conj(b), d]], and its inverse applied to the mixture
    a = tf.reduce_sum(power * left, axis=0) + REGULARIZATION
    d = tf.reduce_sum(power * right, axis=0) + REGULARIZATION
    b = tf.reduce_sum(tf.cast(power, tf.complex128) * cross, axis=0)
    determinant = a * d - tf.math.real(b * tf.math.conj(b))
    x = tf.cast(spectrogram[:, :, : power.shape[-1]], tf.complex128)
    white_left = (_complex(d / determinant) * x[..., 0]) - (b / _complex(determinant)) * x[..., 1]
    white_right = (_complex(a / determinant) * x[..., 1]) - (tf.math.conj(b) / _complex(determinant)) * x[..., 0]

    filtered = [
        _complex(power * left) * white_left + _complex(power) * cross * white_right,
        _complex(power) * tf.math.conj(cross) * white_left + _complex(power * right) * white_right,
    ]
    return tf.cast(tf.stack(filtered, axis=-1), tf.complex64)


def _first_estimates(estimates: Sequence[tf.Tensor], spectrogram: tf.Tensor) -> tf.Tensor:
    """norbert's `softmask`, shares of the magnitudes times the mixture: complex128 `(stems, segments, …, channels)`."""
    magnitudes = tf.cast(tf.stack(estimates), tf.float64)
    shares = magnitudes / (EPSILON + tf.reduce_sum(magnitudes, axis=0))
    return _complex(shares) * tf.cast(spectrogram[:, :, : shares.shape[3]], tf.complex128)


def _power(stems: tf.Tensor) -> tf.Tensor:
    """Mean over the channels of |y|², float64 without the channel axis."""
    return tf.reduce_mean(tf.math.real(stems * tf.math.conj(stems)), axis=-1)


def _complex(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.complex128)

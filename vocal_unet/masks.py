"""Masks on spectrograms: from what a network puts out to what multiplies each stem, in TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from vocal_unet.config import Masking

EPSILON = 1e-10
"""Spleeter's guard against division by zero."""


def ratio_masks(
    estimates: Sequence[tf.Tensor], exponent: float, epsilon: float | tf.Tensor = EPSILON
) -> list[tf.Tensor]:
    """Spleeter's soft masks: `(eᵢᵖ + ε/n) / (Σ eⱼᵖ + ε)`, which sum to one.

    Args:
        estimates: one magnitude estimate per stem, float32 `(segments, frames, bins, channels)`, not negative.
        exponent: p, Spleeter's `separation_exponent`.
        epsilon: ε, a number or a scalar.

    Returns:
        One mask per stem, of the same shape, in [0, 1].
    """
    powers = [tf.square(estimate) if exponent == 2 else estimate**exponent for estimate in estimates]
    total = tf.add_n(powers) + epsilon
    return [(power + epsilon / len(powers)) / total for power in powers]


def extend_mask(mask: tf.Tensor, stft_bins: int, extension: str) -> tf.Tensor:
    """Carry a mask on to the bins above those the network sees.

    Args:
        mask: float32 `(segments, frames, bins, channels)`.
        stft_bins: bins of the whole spectrum.
        extension: "zeros" (nothing above), "ones" (everything) or "average" (the frame's mean over the seen bins).

    Returns:
        float32 `(segments, frames, stft_bins, channels)`.
    """
    missing = stft_bins - mask.shape[2]
    if extension == "average":
        row = tf.reduce_mean(mask, axis=2, keepdims=True)
        return tf.concat([mask, tf.repeat(row, missing, axis=2)], axis=2)
    return tf.pad(mask, [[0, 0], [0, 0], [0, missing], [0, 0]], constant_values=1.0 if extension == "ones" else 0.0)


def stem_masks(
    outputs: Mapping[str, tf.Tensor],
    stems: Sequence[str],
    masking: Masking,
    stft_bins: int,
    epsilon: float | tf.Tensor = EPSILON,
) -> list[tf.Tensor]:
    """One full-band mask per stem from a network's outputs.

    Args:
        outputs: what the network put out: magnitudes under each stem's name for `kind="ratio"`; "mask" for `kind="complement"`.
        stems: the stems in order; for `kind="complement"` the target and the rest.
        masking: the rule.
        stft_bins: bins of the whole spectrum.
        epsilon: as for `ratio_masks`.

    Returns:
        float32 `(segments, frames, stft_bins, channels)` per stem.
    """
    if masking.kind == "complement":
        mask = extend_mask(outputs["mask"], stft_bins, masking.extension)
        return [mask, 1 - mask]
    return [
        extend_mask(mask, stft_bins, masking.extension)
        for mask in ratio_masks([outputs[stem] for stem in stems], masking.exponent, epsilon)
    ]


def magnitude_estimates(
    outputs: Mapping[str, tf.Tensor], stems: Sequence[str], masking: Masking, magnitude: tf.Tensor
) -> list[tf.Tensor]:
    """One magnitude per stem on the bins the network sees, for the Wiener filter.

    Args:
        outputs: as for `stem_masks`.
        stems: as for `stem_masks`.
        masking: the rule.
        magnitude: what the network was given, float32 `(segments, frames, bins, channels)`.

    Returns:
        float32 `(segments, frames, bins, channels)` per stem.
    """
    if masking.kind == "complement":
        return [outputs["mask"] * magnitude, (1 - outputs["mask"]) * magnitude]
    return [outputs[stem] for stem in stems]

"""One segment's samples to its stems' samples in real arithmetic: what TFLite and ONNX can hold; as `graph` computes it."""

from __future__ import annotations

import tensorflow as tf

from vocal_unet.export.fourier import inverse_real_fourier, real_fourier
from vocal_unet.framing import hann_window, inverse_gain
from vocal_unet.loading import LoadedModel
from vocal_unet.masks import EPSILON, stem_masks


def separate_segment(model: LoadedModel, samples: tf.Tensor, valid_frames: tf.Tensor) -> tf.Tensor:
    """`streaming.SeparateSegments` for a single segment.

    Args:
        model: the network, its framing and mask rule.
        samples: float32 `(1, segment_samples, channels)`.
        valid_frames: int32 `(1,)`; frames from here on count as silent.

    Returns:
        float32 `(stems, 1, segment_samples, channels)`.
    """
    framing = model.framing
    count, channels = framing.segment_frames, framing.channels
    overlap = framing.frame_length // framing.frame_step
    # never below 0, so this adds nothing; but a converter cannot know that
    zero = tf.cast(tf.minimum(valid_frames[0], 0), tf.float32)
    rows = tf.reshape(samples, [count + overlap - 1, framing.frame_step, channels])
    frames = tf.concat([rows[start : start + count] for start in range(overlap)], axis=1)
    frames = tf.transpose(frames, [0, 2, 1]) * hann_window(framing.frame_length)  # (frames, channels, samples)
    valid = tf.cast(tf.range(count) < valid_frames[0], tf.float32)
    frames = tf.reshape(frames * valid[:, tf.newaxis, tf.newaxis], [count * channels, framing.frame_length])
    real, imaginary = (
        tf.transpose(tf.reshape(part, [1, count, channels, framing.stft_bins]), [0, 1, 3, 2])
        for part in real_fourier(frames, zero)
    )  # (1, frames, stft_bins, channels)
    magnitude = tf.sqrt(real * real + imaginary * imaginary)[:, :, : framing.bins]
    masks = network_masks(model, magnitude).values()
    return tf.stack([_samples(model, mask * real, mask * imaginary, zero) for mask in masks])


def network_masks(model: LoadedModel, magnitude: tf.Tensor) -> dict[str, tf.Tensor]:
    """One full-band mask per stem from magnitudes.

    Args:
        model: the network, its framing and mask rule.
        magnitude: float32 `(segments, frames, bins, channels)` of the mixture, the bins that the network sees.

    Returns:
        float32 `(segments, frames, stft_bins, channels)` per stem, to be multiplied with the mixture's STFT.
    """
    outputs = model.network(magnitude, training=False)
    # The guard against 0 / 0 is too small for a number of 16 bits; its root, which no converter can square beforehand, is not.
    root = EPSILON**0.5 + tf.minimum(tf.reduce_min(magnitude), 0)
    masks = stem_masks(outputs, model.stems, model.masking, model.framing.stft_bins, root * root)
    return dict(zip(model.stems, masks, strict=True))


def _samples(model: LoadedModel, real: tf.Tensor, imaginary: tf.Tensor, zero: tf.Tensor) -> tf.Tensor:
    """Windowed inverse of every frame, overlapped and added: float32 `(1, segment_samples, channels)`."""
    framing = model.framing
    count, channels, step = framing.segment_frames, framing.channels, framing.frame_step
    overlap = framing.frame_length // step
    real, imaginary = (
        tf.reshape(tf.transpose(part, [0, 1, 3, 2]), [count * channels, framing.stft_bins])
        for part in (real, imaginary)
    )
    window = (hann_window(framing.frame_length) * inverse_gain(framing)).astype("float32")
    frames = inverse_real_fourier(real, imaginary, framing.frame_length, zero) * window
    parts = tf.reshape(frames, [count, channels, overlap, step])
    rows = tf.add_n(
        [tf.pad(parts[:, :, start], [[start, overlap - 1 - start], [0, 0], [0, 0]]) for start in range(overlap)]
    )  # (rows, channels, step)
    return tf.reshape(tf.transpose(rows, [0, 2, 1]), [1, framing.segment_samples, channels])

"""More examples out of those of a batch: each target again, with the accompaniments of the others."""

from __future__ import annotations

import tensorflow as tf


def remixed(sounds: tf.Tensor, times: int) -> tf.Tensor:
    """The examples, then `times` as many: the accompaniments handed on, from each example to the next, at the level there.

    What has no accompaniment, or no target, stays without.

    Args:
        sounds: mixtures and targets, waveforms or spectrograms, float32 or complex64 `(examples, 2, …)`.
        times: how often they are handed on.

    Returns:
        `(1 + times) · examples` of them.
    """
    targets = sounds[:, 1]
    rests = sounds[:, 0] - targets
    levels = tf.sqrt(tf.reduce_sum(tf.square(tf.abs(rests)), axis=range(1, len(rests.shape)), keepdims=True))
    mixed = [sounds]
    for step in range(1, times + 1):
        gains = tf.math.divide_no_nan(levels, tf.roll(levels, step, 0))
        mixtures = targets + tf.cast(gains, rests.dtype) * tf.roll(rests, step, 0)
        mixed.append(tf.stack([mixtures, targets], axis=1))
    return tf.concat(mixed, axis=0)

"""`streaming.SegmentStream` as a TensorFlow graph: the same samples, its state in tensors."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from vocal_unet.config import Framing

SeparateSegments = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""As `streaming.SeparateSegments`, on tensors."""

STATE = ("pending", "tail", "skip")
"""What a stream remembers.

`pending`: input from the first sample of the next segment on, `(samples, channels)`; `tail`: what the last segment's frames
add to the next one, `(stems, frame_length - frame_step, channels)`; `skip`: samples still to drop from the output, int32,
because they belong to the zeros put in front.
"""


class StreamGraph:
    """Separates blocks of any size, or whole waveforms.

    Args:
        separate_segments: does the work on segments.
        framing: window, hop and segment length.
        stems: how many come out.
    """

    def __init__(self, separate_segments: SeparateSegments, framing: Framing, stems: int) -> None:
        self._separate_segments = separate_segments
        self._framing = framing
        self._stems = stems

    def start(self, batch: tf.Tensor | int = 1) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The state before the first sample, as `advance` takes it."""
        framing = self._framing
        return (
            tf.zeros([batch, framing.frame_length, framing.channels]),
            tf.zeros([self._stems, batch, framing.frame_length - framing.frame_step, framing.channels]),
            tf.constant(framing.frame_length),
        )

    def advance(
        self, pending: tf.Tensor, tail: tf.Tensor, skip: tf.Tensor, end: tf.Tensor | bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Separate all segments that are complete; at the end the last one, too.

        Args:
            pending: state with the new samples behind it, float32 `(batch, samples, channels)`.
            tail: state, float32 `(stems, batch, frame_length - frame_step, channels)`.
            skip: state, int32.
            end: whether no more samples come.

        Returns:
            Finished samples, float32 `(samples, stems, batch, channels)`, and the state: pending, tail, skip.
        """
        framing = self._framing
        step, length = framing.segment_step, framing.segment_samples
        samples = tf.shape(pending)[1]
        # No division of a negative number: ONNX rounds those towards zero.
        frames = _divide_up(samples, framing.frame_step)  # of all that is left, the last one filled up with zeros
        complete = tf.maximum(0, samples - length + step) // step
        count = tf.where(end, _divide_up(frames, framing.segment_frames), complete)
        missing = tf.maximum(0, (count - 1) * step + length - samples)
        padded = tf.pad(pending, [[0, 0], [0, missing], [0, 0]])
        tail_samples = framing.frame_length - framing.frame_step

        def separate(index: tf.Tensor, tail: tf.Tensor, finished: tf.TensorArray) -> tuple:
            segment = padded[:, index * step : index * step + length]
            segment = tf.ensure_shape(segment, [None, length, framing.channels])
            valid = tf.minimum(framing.segment_frames, frames - index * framing.segment_frames)
            valid = tf.repeat(valid[tf.newaxis], tf.shape(segment)[0])
            stems = self._separate_segments(segment, valid)
            stems = tf.concat([stems[:, :, :tail_samples] + tail, stems[:, :, tail_samples:]], axis=2)
            return index + 1, stems[:, :, step:], finished.write(index, stems[:, :, :step])

        batch = pending.shape[0]
        array = tf.TensorArray(
            tf.float32, size=count, element_shape=[self._stems, batch, step, framing.channels], infer_shape=False
        )
        _, tail, array = tf.while_loop(
            lambda index, *_: index < count,
            separate,
            (0, tail, array),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([self._stems, batch, tail_samples, framing.channels]),
                tf.TensorShape(None),
            ),
            parallel_iterations=1,
        )
        finished = tf.transpose(array.stack(), [0, 3, 1, 2, 4])
        finished = tf.reshape(finished, [count * step, self._stems, tf.shape(pending)[0], framing.channels])
        finished = finished[skip : tf.where(end, samples, count * step)]
        return finished, padded[:, count * step :], tail, tf.maximum(0, skip - count * step)


def _divide_up(number: tf.Tensor, by: int) -> tf.Tensor:
    return (number + by - 1) // by

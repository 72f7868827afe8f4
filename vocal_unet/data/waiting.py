"""Measures how long training waits for its batches."""

from __future__ import annotations

import tensorflow as tf


class Waiting:
    """Adds up the time between asking a dataset for an element and getting it."""

    def __init__(self) -> None:
        self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)

    @property
    def seconds(self) -> float:
        """Time waited so far."""
        return float(self._seconds.numpy())

    def watch(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """The same elements, of pairs, with the clock read before and after each."""

        def stop(asked: tf.Tensor, element: tuple, answered: tf.Tensor) -> tuple:
            self._seconds.assign_add(answered - asked)
            return element

        def clock() -> tf.data.Dataset:
            return tf.data.Dataset.range(tf.int64.max).map(lambda _: tf.timestamp(), num_parallel_calls=1)

        watched = tf.data.Dataset.zip((clock(), dataset, clock())).map(stop, num_parallel_calls=1)
        options = tf.data.Options()
        # A prefetch behind the clocks would wait in the consumer's stead, while it computes.
        options.experimental_optimization.inject_prefetch = False
        return watched.with_options(options)

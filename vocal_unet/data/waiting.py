"""Measures how long training waits for its batches."""

from __future__ import annotations

import time

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
            return tf.data.Dataset.range(tf.int64.max).map(lambda _: tf.numpy_function(time.monotonic, [], tf.float64))

        watched = tf.data.Dataset.zip((clock(), dataset, clock())).map(stop)
        options = tf.data.Options()
        # What runs ahead would read the clocks early, and wait in the consumer's stead while it computes.
        options.experimental_optimization.map_parallelization = False
        options.experimental_optimization.inject_prefetch = False
        return watched.with_options(options)

"""The share of time spent waiting for data, of a slow and of a quick source."""

from __future__ import annotations

import time

import pytest
import tensorflow as tf

from vocal_unet.data.waiting import Waiting


@pytest.mark.parametrize(("source", "consumer"), [(0.03, 0.0), (0.0, 0.03)])
def test_only_waiting_counts(source: float, consumer: float) -> None:
    def slow(index: int) -> int:
        time.sleep(source)
        return index

    waiting = Waiting()
    dataset = tf.data.Dataset.range(20).map(lambda i: (tf.numpy_function(slow, [i], tf.int64), i)).prefetch(2)
    seen = []
    for element, index in waiting.watch(dataset):
        seen.append((int(element), int(index)))
        time.sleep(consumer)
    assert seen == [(i, i) for i in range(20)]
    if source:
        assert waiting.seconds > 0.5 * 20 * source
    else:
        assert waiting.seconds < 0.5 * 20 * consumer

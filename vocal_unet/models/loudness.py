"""How a network sees magnitudes: relative to their segment's loudness and on a logarithmic scale."""

from __future__ import annotations

import keras
from keras import ops

SILENCE = 1e-4
"""Added to a segment's loudness, so that digital silence is not divided by zero. A full-scale sine has about 1000."""


def compressed(magnitudes: keras.KerasTensor, detail_db: float) -> keras.KerasTensor:
    """`log(1 + x · 10^(detail_db / 20))` of magnitudes x relative to their segment's loudness.

    Loudness is Σx² / Σx, which does not change when silent frames pad the end of a song, as a plain mean does.

    Args:
        magnitudes: float32 `(segments, frames, bins, channels)`.
        detail_db: how far below the loudness differences are still seen.
    """
    loudness = _sum(ops.square(magnitudes)) / (_sum(magnitudes) + SILENCE) + SILENCE
    return ops.log1p(magnitudes * (10 ** (detail_db / 20) / loudness))


def _sum(x: keras.KerasTensor) -> keras.KerasTensor:
    """Over each segment; frame by frame, because ONNX Runtime adds a million numbers one after the other, to four digits."""
    return ops.sum(ops.sum(x, axis=(2, 3), keepdims=True), axis=1, keepdims=True)

"""What training makes small: L1 distances of magnitudes or of masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

MASK_EPSILON = 1e-9
"""The paper's guard against division by zero."""


@keras.saving.register_keras_serializable("vocal_unet")
def magnitude_l1(y_true: Any, y_pred: Any) -> Any:
    """L1 between the source's and the estimated magnitudes, the paper's loss (nussl's `L1Loss`).

    Args:
        y_true: magnitudes of the vocals, float32 `(segments, frames, bins, channels)`.
        y_pred: mask × mixture, of the same shape.

    Returns:
        Mean absolute difference over bins and channels, `(segments, frames)`.
    """
    return ops.mean(ops.abs(y_true - y_pred), axis=(-2, -1))


@keras.saving.register_keras_serializable("vocal_unet")
def mask_l1(y_true: Any, y_pred: Any) -> Any:
    """L1 between the ideal (`target_mask`) and the estimated mask: every bin counts the same, however quiet.

    Args:
        y_true: ideal mask, float32 `(segments, frames, bins, channels)`, in [0, 1].
        y_pred: estimated mask, of the same shape.

    Returns:
        Mean absolute difference over bins and channels, `(segments, frames)`.
    """
    return ops.mean(ops.abs(y_true - y_pred), axis=(-2, -1))


@keras.saving.register_keras_serializable("vocal_unet")
def weighted_magnitude_l1(y_true: Any, y_pred: Any) -> Any:
    """`magnitude_l1`, every segment weighted by the mean magnitude of its source: Spleeter's `weighted_L1_mask`.

    The original (spleeter/model/__init__.py) calls a function that TensorFlow 2 no longer has and fails.

    Args:
        y_true: magnitudes of one stem, float32 `(segments, frames, bins, channels)`.
        y_pred: the network's estimate, of the same shape.

    Returns:
        Mean over bins and channels of weight × absolute difference, `(segments, frames)`.
    """
    weight = ops.mean(y_true, axis=(-3, -2, -1))[..., None]
    return weight * ops.mean(ops.abs(y_true - y_pred), axis=(-2, -1))


def target_mask(target: Any, mixture: Any) -> Any:
    """The paper's ideal soft mask, `target / (max(target, mixture) + 1e-9)` (§2, "Soft masks"), in [0, 1].

    Args:
        target: magnitudes of the vocals, float32, any shape.
        mixture: magnitudes of the mixture, of the same shape.
    """
    return target / (ops.maximum(target, mixture) + MASK_EPSILON)


LOSSES: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "magnitude_l1": ("vocals", magnitude_l1),
    "mask_l1": ("mask", mask_l1),
}
"""Name in the settings → the network's output it looks at, and the function."""

SPLEETER_LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "L1_mask": magnitude_l1,
    "weighted_L1_mask": weighted_magnitude_l1,
}
"""Spleeter's `loss_type` → the function each of its stems is compared by; the loss is the sum over the stems."""

"""What training makes small: L1 distances of magnitudes or of masks, the error's energy, plain or on a logarithmic scale, or
the cross entropy of a coarse mask.

Each can count what an estimate has too little of `missed` times: L1 then asks for another quantile than the median, the
squared error for an expectile above the mean (Newey and Powell, 1987). Where a network is sure nothing changes; of what may or
may not be a voice it lets more through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

MASK_EPSILON = 1e-9
"""The paper's guard against division by zero."""


@keras.saving.register_keras_serializable("vocal_unet")
def magnitude_l1(y_true: Any, y_pred: Any, missed: float = 1.0) -> Any:
    """L1 between the source's and the estimated magnitudes, the paper's loss (nussl's `L1Loss`).

    Args:
        y_true: magnitudes of the vocals, float32 `(segments, frames, bins, channels)`.
        y_pred: mask × mixture, of the same shape.
        missed: how often what the estimate lacks counts, against what it has too much.

    Returns:
        Mean absolute difference over bins and channels, `(segments, frames)`.
    """
    return ops.mean(_weighed(ops.abs, y_pred - y_true, missed), axis=(-2, -1))


@keras.saving.register_keras_serializable("vocal_unet")
def mask_l1(y_true: Any, y_pred: Any, missed: float = 1.0) -> Any:
    """L1 between the ideal (`target_mask`) and the estimated mask: every bin counts the same, however quiet.

    Args:
        y_true: ideal mask, float32 `(segments, frames, bins, channels)`, in [0, 1].
        y_pred: estimated mask, of the same shape.
        missed: as for `magnitude_l1`.

    Returns:
        Mean absolute difference over bins and channels, `(segments, frames)`.
    """
    return ops.mean(_weighed(ops.abs, y_pred - y_true, missed), axis=(-2, -1))


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


@keras.saving.register_keras_serializable("vocal_unet")
def cell_cross_entropy(y_true: Any, y_pred: Any, missed: float = 1.0) -> Any:
    """Cross entropy between the shares of the target in the energy of whole cells and what a coarse network says of them.

    Cells count by the root of their energy. It learns the share on a logarithmic scale, also where that is a thousandth.

    Args:
        y_true: energies of the target and of the rest on the last axis, float32 `(segments, frames, bands, 2)`.
        y_pred: logits of the share, float32 `(segments, frames, bands)`.
        missed: as for `magnitude_l1`.

    Returns:
        Mean over the segment, float32 `(segments, 1)`.
    """
    target, rest = y_true[..., 0], y_true[..., 1]
    weight = ops.sqrt(target + rest)
    share = target / (target + rest + SILENT_ENERGY)
    entropy = missed * share * ops.softplus(-y_pred) + (1 - share) * ops.softplus(y_pred)
    return (ops.sum(weight * entropy, axis=(1, 2)) / (ops.sum(weight, axis=(1, 2)) + SILENT_ENERGY))[:, None]


def target_mask(target: Any, mixture: Any) -> Any:
    """The paper's ideal soft mask, `target / (max(target, mixture) + 1e-9)` (§2, "Soft masks"), in [0, 1].

    Args:
        target: magnitudes of the vocals, float32, any shape.
        mixture: magnitudes of the mixture, of the same shape.
    """
    return target / (ops.maximum(target, mixture) + MASK_EPSILON)


@keras.saving.register_keras_serializable("vocal_unet")
def spectral_error(y_true: Any, y_pred: Any, missed: float = 1.0) -> Any:
    """Energy of the error against that of the mixture, segment by segment.

    The error is the part in phase with the mixture (Erdogan et al., 2015), the only one that a mask can change; it is the
    same for the target and for the rest, so both are learned. L1 asks for the median of what may be there, which for a
    quiet voice is silence; the squared error asks for the mean.

    Args:
        y_true: the target's part in phase with the mixture, then the mixture's magnitudes, on the last axis: float32
            `(segments, frames, bins, 2 · channels)`.
        y_pred: mask × mixture, float32 `(segments, frames, bins, channels)`.
        missed: as for `magnitude_l1`.

    Returns:
        float32 `(segments, 1)`; 0 is perfect, 1 an error as loud as the mixture.
    """
    target, mixture = ops.split(y_true, 2, axis=-1)
    error = ops.sum(_weighed(ops.square, y_pred - target, missed), axis=(1, 2, 3))
    return (error / (ops.sum(ops.square(mixture), axis=(1, 2, 3)) + SILENT_ENERGY))[:, None]


SILENT_ENERGY = 1e-7
"""Added to a mixture's energy, so that digital silence is not divided by zero."""
ENOUGH_DB = -20.0
"""Errors this far below the mixture hardly matter to `spectral_snr`."""


@keras.saving.register_keras_serializable("vocal_unet")
def spectral_snr(y_true: Any, y_pred: Any, missed: float = 1.0) -> Any:
    """`spectral_error` on a logarithmic scale, what a signal-to-noise ratio looks at: quiet and loud voices count the same.

    Args:
        y_true: as for `spectral_error`.
        y_pred: as for `spectral_error`.
        missed: as for `magnitude_l1`.

    Returns:
        ln(1 + spectral_error / 10^(ENOUGH_DB / 10)), float32 `(segments, 1)`; 0 is perfect, 4.6 an error as loud as the
        mixture.
    """
    return ops.log1p(spectral_error(y_true, y_pred, missed) / 10 ** (ENOUGH_DB / 10))


def _weighed(size: Callable[[Any], Any], difference: Any, missed: float) -> Any:
    """The size of every difference, `missed` times where the estimate is too small."""
    sizes = size(difference)
    return sizes if missed == 1 else ops.where(difference < 0, missed * sizes, sizes)


LOSSES: dict[str, tuple[str, Callable[..., Any]]] = {
    "magnitude_l1": ("vocals", magnitude_l1),
    "mask_l1": ("mask", mask_l1),
    "cell_cross_entropy": ("cells", cell_cross_entropy),
    "spectral_error": ("vocals", spectral_error),
    "spectral_snr": ("vocals", spectral_snr),
}
"""Name in the settings → the network's output it looks at, and the function."""

SPLEETER_LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "L1_mask": magnitude_l1,
    "weighted_L1_mask": weighted_magnitude_l1,
}
"""Spleeter's `loss_type` → the function each of its stems is compared by; the loss is the sum over the stems."""

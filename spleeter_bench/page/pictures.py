"""Pictures of spectrograms, masks and differences as small images that a page can hold."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

RANGE_DB = 80.0
"""Levels are drawn from the loudest point of the mixture down by this much."""
DIFFERENCE_DB = 30.0
QUALITY = 55
"""Of WebP; below 40 the blocks show."""

LEVEL_STOPS = ("#05060f", "#1c1650", "#55217b", "#9b2f7f", "#dd4a68", "#fb8861", "#fec98d", "#fcfdd8")
MASK_STOPS = ("#0b0d12", "#23324a", "#3f6a8a", "#79aeb4", "#c9e3d3", "#fdfdf0")
DIFFERENCE_STOPS = ("#1d4f91", "#6a9fd0", "#c4dcee", "#f7f7f5", "#f6cfae", "#e0895a", "#a63c1d")
"""Blue is missing, red is too much; the middle is as in the reference."""


def colours(values: np.ndarray, stops: tuple[str, ...]) -> np.ndarray:
    """uint8 `(rows, columns, 3)`, top row first, from values 0 to 1 `(rows, columns)`, bottom row first."""
    table = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], np.float32)
    steps = np.linspace(0, len(stops) - 1, 256)
    ramp = np.stack([np.interp(steps, np.arange(len(stops)), table[:, channel]) for channel in range(3)], axis=1)
    return ramp.astype(np.uint8)[(np.clip(values, 0, 1)[::-1] * 255).astype(np.uint8)]


def level_picture(level: np.ndarray, top: float) -> str:
    """A spectrogram in dB `(rows, columns)` as an image; `top` dB and `RANGE_DB` below it are the ends of the scale."""
    return data_uri(colours((level - top) / RANGE_DB + 1, LEVEL_STOPS))


def mask_picture(estimate: np.ndarray, mixture: np.ndarray, top: float) -> str:
    """What share of the mixture's magnitude an estimate has, 0 to 1; nothing where the mixture is below the scale."""
    share = 10 ** (np.minimum(estimate - mixture, 0) / 20)
    return data_uri(colours(np.where(mixture > top - RANGE_DB, share, 0), MASK_STOPS))


def difference_picture(estimate: np.ndarray, reference: np.ndarray, top: float) -> str:
    """Estimate minus reference in dB, ±`DIFFERENCE_DB`; what is below the scale in both counts as equal."""
    floor = top - RANGE_DB
    difference = np.maximum(estimate, floor) - np.maximum(reference, floor)
    return data_uri(colours(difference / (2 * DIFFERENCE_DB) + 0.5, DIFFERENCE_STOPS))


def gradient(stops: tuple[str, ...]) -> str:
    """The same colours as CSS, for the scale beside a picture."""
    return f"linear-gradient(to right, {', '.join(stops)})"


def data_uri(pixels: np.ndarray) -> str:
    """uint8 `(rows, columns, 3)` as a WebP data URI."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")

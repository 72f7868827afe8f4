"""Spectrograms to look at: level in dB over time, on a logarithmic frequency axis, of songs of any length."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import numpy as np
from scipy import fft

LOWEST = 40.0
"""Hz; nothing of a voice lies below."""
HIGHEST = 20_000.0
WINDOW_SECONDS = 0.08
FLOOR_DB = -200.0
"""Level of digital silence."""


def log_spectrogram(
    blocks: Iterable[np.ndarray], sample_rate: int, samples: int, *, rows: int = 144, columns: int = 360
) -> np.ndarray:
    """Mean power of a waveform per picture element, averaged over its channels; memory does not grow with length.

    A column is the mean of the Hann-windowed frames centred in it, a row the mean of the bins it covers, so that white
    noise has one level all over.

    Args:
        blocks: the waveform as consecutive `float (any, channels)`; a list of one array will do.
        sample_rate: Hz.
        samples: length of the waveform.
        rows: steps of frequency, see `row_edges`.
        columns: steps of time, `samples / columns` each.

    Returns:
        float32 `(rows, columns)`, dB below a sine at full scale in every bin of the row; lowest frequency first.
    """
    size = 1 << max(6, round(np.log2(WINDOW_SECONDS * sample_rate)))
    hop = max(1, min(size // 4, samples // columns))
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    # a sine at full scale has power 1/2, and its bin the sum of the window
    scale = 4 / window.sum() ** 2
    weights = _row_weights(sample_rate, size, rows)
    sums, counts = np.zeros((columns, rows)), np.zeros(columns)
    done = 0
    for frames in _frames(blocks, size, hop):
        spectra = fft.rfft(frames * window)  # (frames, channels, bins)
        power = (spectra.real**2 + spectra.imag**2).mean(axis=1)
        centres = done + size // 2 + hop * np.arange(len(frames))
        places = np.minimum(centres * columns // samples, columns - 1)
        columns_here, first = np.unique(places, return_index=True)
        sums[columns_here] += np.add.reduceat(power @ weights.T, first)
        counts += np.bincount(places, minlength=columns)
        done += hop * len(frames)
    # at both ends, where no whole frame is centred, the picture goes on as in the first and the last one
    filled = np.maximum.accumulate(np.where(counts > 0, np.arange(columns), 0))
    filled = np.maximum(filled, np.argmax(counts > 0))
    means = scale * sums[filled] / np.maximum(counts[filled], 1)[:, None]
    return (10 * np.log10(np.maximum(means.T, 10 ** (FLOOR_DB / 10)))).astype(np.float32)


def row_edges(sample_rate: int, rows: int) -> np.ndarray:
    """Frequencies between the rows of `log_spectrogram`, float64 `(rows + 1,)` in Hz, evenly spaced on a log axis."""
    return np.geomspace(LOWEST, min(HIGHEST, sample_rate / 2), rows + 1)


def _frames(blocks: Iterable[np.ndarray], size: int, hop: int) -> Iterator[np.ndarray]:
    """float32 `(any, channels, size)`: whole frames that start every `hop` samples; one with silence if there is none."""
    held: np.ndarray | None = None
    whole = False
    for block in blocks:
        block = np.asarray(block, np.float32)
        held = block if held is None else np.concatenate([held, block])
        if len(held) >= size:
            whole = True
            frames = np.lib.stride_tricks.sliding_window_view(held, size, axis=0)[::hop]
            held = held[len(frames) * hop :]
            yield frames
    if held is not None and not whole:
        yield np.pad(held, ((0, size - len(held)), (0, 0))).T[None]


@functools.cache
def _row_weights(sample_rate: int, size: int, rows: int) -> np.ndarray:
    """float32 `(rows, bins)`: how much of a row each bin covers; the weights of a row sum to one."""
    width = sample_rate / size
    bins = np.arange(size // 2 + 1) * width
    edges = row_edges(sample_rate, rows)
    low = np.maximum(edges[:-1, None], bins - width / 2)
    high = np.minimum(edges[1:, None], bins + width / 2)
    overlap = np.maximum(0, high - low)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)

"""BSSEval's distortion filters: the 512 taps per channel pair with which the references come closest to an estimate."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import scipy.fft
import scipy.linalg

FILTER_LENGTH = 512
"""Taps of every filter, as in BSSEval since its second version."""

BLOCKS = 64
"""Blocks of FILTER_LENGTH samples transformed at once: their spectra stay in the processor's cache."""

EPSILON = float(np.finfo(np.float64).eps)
"""Added to the diagonal of the normal equations, as museval does."""


def joined(signals: Sequence[np.ndarray], start: int, stop: int) -> np.ndarray:
    """The channels of several `(samples, channels)` signals side by side, from `start` to `stop`, zeros past their end.

    Returns:
        float64 `(stop - start, all channels)`.
    """
    out = np.zeros((stop - start, sum(signal.shape[1] for signal in signals)))
    channel = 0
    for signal in signals:
        part = signal[start:stop]
        out[: len(part), channel : channel + signal.shape[1]] = part
        channel += signal.shape[1]
    return out


def correlations(references: Sequence[np.ndarray], estimates: Sequence[np.ndarray]) -> np.ndarray:
    """Correlations of every reference channel with every channel there is, over the lags a filter reaches.

    Within those lags a block of FILTER_LENGTH samples meets only itself and the block after it, and a transform of
    twice that length holds both without wrap-around. So the cross-spectra of all blocks are summed and transformed
    back once, every block is transformed once, and memory does not grow with the length of the song.

    Args:
        references: real `(samples, channels)` each, of one shape.
        estimates: the same.

    Returns:
        float64 `(FILTER_LENGTH, reference channels, reference and estimate channels)`:
        `r[l, i, k] = Σ_n x_i[n] x_k[n + l]`.
    """
    samples = len(references[0])
    inputs = sum(signal.shape[1] for signal in references)
    signals = [*references, *estimates]
    # half a transform later is a factor of −1 at every odd frequency
    shift = np.where(np.arange(FILTER_LENGTH + 1) % 2, -1.0, 1.0)[:, None, None]
    total: np.ndarray | float = 0.0
    for start in range(0, samples, BLOCKS * FILTER_LENGTH):
        blocks = min(BLOCKS, -(-(samples - start) // FILTER_LENGTH))
        waveform = joined(signals, start, start + (blocks + 1) * FILTER_LENGTH)
        waveform = waveform.reshape(blocks + 1, FILTER_LENGTH, -1).swapaxes(0, 1)
        spectra = scipy.fft.rfft(waveform, 2 * FILTER_LENGTH, axis=0)  # (frequencies, blocks + 1, channels)
        here = spectra[:, :-1, :inputs].conj().swapaxes(1, 2)
        total = total + here @ (spectra[:, :-1] + shift * spectra[:, 1:])
    return scipy.fft.irfft(total, 2 * FILTER_LENGTH, axis=0)[:FILTER_LENGTH]


def normal_matrix(correlation: np.ndarray) -> np.ndarray:
    """Inner products of all delayed inputs: one symmetric Toeplitz block per pair of channels.

    Args:
        correlation: `(FILTER_LENGTH, inputs, inputs)` of `correlations`.

    Returns:
        float64 `(inputs * FILTER_LENGTH, inputs * FILTER_LENGTH)` in Fortran order, as LAPACK wants it.
    """
    inputs = correlation.shape[1]
    matrix = np.empty((inputs * FILTER_LENGTH, inputs * FILTER_LENGTH), order="F")
    for i in range(inputs):
        for j in range(inputs):
            rows = slice(i * FILTER_LENGTH, (i + 1) * FILTER_LENGTH)
            columns = slice(j * FILTER_LENGTH, (j + 1) * FILTER_LENGTH)
            # ⟨x_i delayed by l, x_j delayed by m⟩ = r_ij(l − m), and r_ij(−τ) = r_ji(τ)
            matrix[rows, columns] = scipy.linalg.toeplitz(correlation[:, i, j], correlation[:, j, i])
    return matrix


def projection_filters(correlation: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Filters of least squared error from input channels to output channels.

    The normal equations are solved by Cholesky factors. A block Levinson recursion would need fewer operations, but
    the matrix of band-limited music is close to singular, where the recursion loses the digits that make the result
    agree with museval. Where rounding has made the matrix indefinite the equations are solved as museval does, by LU.

    Args:
        correlation: `(FILTER_LENGTH, inputs, inputs)`, the inputs among themselves.
        cross: `(FILTER_LENGTH, inputs, outputs)`, the inputs with the outputs.

    Returns:
        float64 `(outputs, inputs, FILTER_LENGTH)`.
    """
    _, inputs, outputs = cross.shape
    right = cross.transpose(1, 0, 2).reshape(inputs * FILTER_LENGTH, outputs)
    matrix = normal_matrix(correlation)
    np.einsum("ii->i", matrix)[:] += EPSILON
    try:
        solution = scipy.linalg.cho_solve(scipy.linalg.cho_factor(matrix, check_finite=False), right)
    except np.linalg.LinAlgError:
        solution = _solve_singular(matrix, right)
    return np.ascontiguousarray(solution.T.reshape(outputs, inputs, FILTER_LENGTH))


def _solve_singular(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """LU, and the shortest least-squares solution where even that meets a zero pivot (two equal channels, say)."""
    try:
        with warnings.catch_warnings():
            # "ill-conditioned" is expected here: the parts that rounding decides are those the references lack
            warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)
            return scipy.linalg.solve(matrix, right, check_finite=False)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(matrix, right, rcond=None)[0]

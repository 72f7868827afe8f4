"""Spleeter's framing: waveforms to spectrograms and back, in TensorFlow; the one place that knows windows and overlaps."""

from __future__ import annotations

import functools
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from vocal_unet.config import Framing

Array: TypeAlias = np.ndarray | tf.Tensor


@functools.lru_cache
def hann_window(frame_length: int) -> np.ndarray:
    """Periodic Hann window, float32 `(frame_length,)`, as `tf.signal.hann_window` makes it."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame_length) / frame_length)).astype(np.float32)


@functools.lru_cache
def inverse_gain(framing: Framing) -> float:
    """What makes analysis, synthesis and overlap-add give the input back: 1 / Σ window² over the frames above a sample.

    Spleeter writes this as the constant 2/3, which is true only for a Hann window at 75 % overlap.
    """
    squared = hann_window(framing.frame_length).astype(np.float64) ** 2
    return float(1 / squared.reshape(-1, framing.frame_step).sum(axis=0).mean())


def frame_spectrogram(samples: Array, framing: Framing) -> tf.Tensor:
    """Spectrogram of the frames that fit, without any padding.

    Args:
        samples: float32 `(..., samples, channels)`.
        framing: window and hop.

    Returns:
        complex64 `(..., frames, stft_bins, channels)` with frames = 1 + (samples - frame_length) // frame_step.
    """
    return _move_axis(frame_spectra(samples, framing), -3, -1)


def frame_spectra(samples: Array, framing: Framing, valid_frames: tf.Tensor | None = None) -> tf.Tensor:
    """`frame_spectrogram` with its axes as the Fourier transform leaves them, which saves copies.

    Args:
        samples: as for `frame_spectrogram`.
        framing: window and hop.
        valid_frames: int32 `(...)`; frames from there on are silent. None is all.

    Returns:
        complex64 `(..., channels, frames, stft_bins)`.
    """
    samples = tf.linalg.matrix_transpose(samples)  # (..., channels, samples)
    frames = tf.signal.frame(samples, framing.frame_length, framing.frame_step)  # (..., channels, frames, frame_length)
    window = tf.constant(hann_window(framing.frame_length))
    if valid_frames is not None:
        valid = tf.sequence_mask(valid_frames, tf.shape(frames)[-2], tf.float32)
        window *= valid[..., tf.newaxis, :, tf.newaxis]
    return tf.signal.rfft(frames * window)


def overlap_add(spectrogram: Array, framing: Framing) -> tf.Tensor:
    """Windowed inverse of every frame, overlapped and added; exact wherever frame_length // frame_step frames overlap.

    Args:
        spectrogram: complex64 `(..., frames, stft_bins, channels)`.
        framing: window and hop.

    Returns:
        float32 `(..., samples, channels)` with samples = (frames - 1) * frame_step + frame_length.
    """
    return overlap_add_spectra(_move_axis(spectrogram, -1, -3), framing)


def overlap_add_spectra(spectra: Array, framing: Framing) -> tf.Tensor:
    """`overlap_add` of what `frame_spectra` gives.

    Args:
        spectra: complex64 `(..., channels, frames, bins)`; bins that are missing at the top are silent.
        framing: window and hop.

    Returns:
        float32 `(..., samples, channels)`, as `overlap_add`.
    """
    frames = tf.signal.irfft(spectra, [framing.frame_length])
    window = hann_window(framing.frame_length) * np.float32(inverse_gain(framing))
    return tf.linalg.matrix_transpose(tf.signal.overlap_and_add(frames * window, framing.frame_step))


def stft(waveform: Array, framing: Framing) -> tf.Tensor:
    """Spectrogram of a whole waveform, padded as Spleeter does: frame_length zeros in front, the last frame filled up.

    Args:
        waveform: float32 `(samples, channels)`.
        framing: window and hop.

    Returns:
        complex64 `(frames, stft_bins, channels)` with frames = ceil((frame_length + samples) / frame_step).
    """
    samples = int(waveform.shape[0])
    end = (framing.frames(samples) - 1) * framing.frame_step + framing.frame_length
    padded = tf.pad(waveform, [[framing.frame_length, end - framing.frame_length - samples], [0, 0]])
    return frame_spectrogram(padded, framing)


def istft(spectrogram: Array, framing: Framing, samples: int) -> tf.Tensor:
    """Inverse of `stft`.

    Args:
        spectrogram: complex64 `(frames, stft_bins, channels)`.
        framing: window and hop.
        samples: length of the waveform that went into `stft`.

    Returns:
        float32 `(samples, channels)`.
    """
    return overlap_add(spectrogram, framing)[framing.frame_length : framing.frame_length + samples]


def _move_axis(tensor: tf.Tensor, source: int, destination: int) -> tf.Tensor:
    order = list(range(len(tensor.shape)))
    order.insert(destination % len(order), order.pop(source))
    return tf.transpose(tensor, order)

"""Vectorised building blocks of the song generator: oscillators, time-varying filters, reverb, panning."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, rfft

HOP = 512
"""Samples between two frames of a time-varying filter."""
FRAME = 2 * HOP

_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
_REVERB_BLOCK = 1 << 17


def frame_count(samples: int) -> int:
    """Frames of a filter over `samples` samples: ceil(samples / HOP) + 1; frame k is centred on sample k * HOP."""
    return -(-samples // HOP) + 1


def frequencies(sample_rate: int) -> np.ndarray:
    """Centre of every filter bin in Hz, float32 `(FRAME // 2 + 1,)`."""
    return np.fft.rfftfreq(FRAME, 1 / sample_rate).astype(np.float32)


def spectra(signal: np.ndarray) -> np.ndarray:
    """Hann-windowed frames of `signal` `(samples,)` in the frequency domain, complex `(frame_count, FRAME // 2 + 1)`.

    The windows add up to one, so `from_spectra(spectra(x), len(x))` is `x`; multiply by gains in between to filter.
    """
    count = frame_count(len(signal))
    padded = np.zeros((count + 1) * HOP, np.float32)
    padded[HOP : HOP + len(signal)] = signal
    return rfft(np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * _WINDOW)


def from_spectra(frames: np.ndarray, samples: int) -> np.ndarray:
    """Inverse of `spectra`: overlap-add to float32 `(samples,)`."""
    pieces = irfft(frames, FRAME).astype(np.float32, copy=False)
    return (pieces[:-1, HOP:] + pieces[1:, :HOP]).reshape(-1)[:samples]


def equalise(signal: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Zero-phase filter of `signal` `(samples,)`; gains `(FRAME // 2 + 1,)` or one row per frame."""
    return from_spectra(spectra(signal) * gains.astype(np.float32), len(signal))


def high_pass(sample_rate: int, cutoff: float, order: float = 2) -> np.ndarray:
    """Gains of a Butterworth-like high-pass at `cutoff` Hz."""
    ratio = (frequencies(sample_rate) / cutoff) ** (2 * order)
    return np.sqrt(ratio / (1 + ratio))


def low_pass(sample_rate: int, cutoff: float, order: float = 2) -> np.ndarray:
    """Gains of a Butterworth-like low-pass at `cutoff` Hz."""
    return 1 / np.sqrt(1 + (frequencies(sample_rate) / cutoff) ** (2 * order))


def tilt(sample_rate: int, decibels_per_octave: float) -> np.ndarray:
    """Gains that fall or rise by so many dB per octave, 0 dB at 1 kHz, flat below 60 Hz."""
    octaves = np.log2(np.maximum(frequencies(sample_rate), 60) / 1000)
    return 10 ** (decibels_per_octave * octaves / 20)


def sawtooth(frequency: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A falling sawtooth of the given frequency in Hz per sample, float32 `(samples,)`, in [-1, 1].

    Its corners are rounded over one sample (PolyBLEP: Välimäki and Huovilainen, 2007), which pushes aliases down by some
    40 dB; its harmonics fall by 6 dB per octave like a voice's source after radiation at the lips.
    """
    step = (frequency / sample_rate).astype(np.float64)
    phase = np.cumsum(step) + rng.random()
    phase -= np.floor(phase)
    wave = 1 - 2 * phase
    after = np.flatnonzero(phase < step)
    t = phase[after] / step[after]
    wave[after] += t * (2 - t) - 1
    before = np.flatnonzero(phase > 1 - step)
    t = (1 - phase[before]) / step[before]
    wave[before] -= t * (2 - t) - 1
    return wave.astype(np.float32)


def noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """White noise of unit variance, float32 `(samples,)`."""
    return rng.standard_normal(samples, dtype=np.float32)


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Moving Hann average of `values` `(points,)` over `width` points; the ends are held."""
    if width < 3:
        return values
    kernel = np.hanning(width + 2)[1:-1]
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def wander(points: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Slow random movement of unit variance, `(points,)`, that turns about every `width` points."""
    slow = smooth(rng.standard_normal(points), max(3, min(width, points)))
    return slow / (slow.std() + 1e-9)


def pan(signal: np.ndarray, position: float) -> np.ndarray:
    """Mono `(samples,)` to stereo `(samples, 2)` at constant power; position from -1 (left) to 1 (right)."""
    angle = np.pi / 4 * (position + 1)
    return signal[:, None] * np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(np.sqrt(2))


def reverberate(
    stereo: np.ndarray, sample_rate: int, seconds: float, wet: float, rng: np.random.Generator
) -> np.ndarray:
    """Add the tail of a room: decaying noise, another for each ear, darker the longer it rings.

    Args:
        stereo: `(samples, 2)`; its sum is what rings.
        sample_rate: Hz.
        seconds: time in which the tail falls by 60 dB.
        wet: level of the tail against the direct sound, as a factor.
        rng: source of the room.

    Returns:
        float32 `(samples, 2)`.
    """
    samples = len(stereo)
    length = max(HOP, min(int(seconds * sample_rate), _REVERB_BLOCK // 2))
    decay = 10 ** (-3 * np.arange(length) / (seconds * sample_rate))
    delay = int(rng.uniform(0.002, 0.04) * sample_rate)
    room = np.stack([equalise(noise(length, rng), low_pass(sample_rate, rng.uniform(2000, 7000), 1)) for _ in range(2)])
    room *= decay
    room /= np.sqrt(np.sum(room**2, axis=1, keepdims=True))
    hop = _REVERB_BLOCK - length
    blocks = -(-samples // hop)
    source = np.zeros(blocks * hop, np.float32)
    source[:samples] = stereo.mean(axis=1)
    ringing = rfft(source.reshape(blocks, hop), _REVERB_BLOCK)
    wet_sound = np.zeros((2, blocks * hop + length), np.float32)
    for ear in range(2):
        tails = irfft(ringing * rfft(room[ear], _REVERB_BLOCK), _REVERB_BLOCK)
        for block, tail in enumerate(tails):
            wet_sound[ear, block * hop : block * hop + _REVERB_BLOCK] += tail[: hop + length]
    result = stereo.astype(np.float32, copy=True)
    result[delay:] += np.float32(wet) * wet_sound[:, : samples - delay].T if delay < samples else 0
    return result

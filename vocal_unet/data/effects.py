"""What may happen to a stem: gain, channels, polarity, equaliser, reverb, soft clipping, noise, silence; pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.fft import irfft, rfft

from vocal_unet.data.songs import SAMPLE_RATE

_HERTZ = np.concatenate([[0.0], np.exp2(np.arange(0, 60 * 14.5) / 60)])


def apply_gain(stem: np.ndarray, decibels: float) -> np.ndarray:
    """Louder or quieter by so many dB."""
    return stem * np.float32(10 ** (decibels / 20))


def swap_channels(stem: np.ndarray) -> np.ndarray:
    """Left becomes right."""
    return stem[:, ::-1]


def invert_polarity(stem: np.ndarray) -> np.ndarray:
    """Every sample times -1."""
    return -stem


def equalise(stem: np.ndarray, low_db: float, peak_db: float, high_db: float, peak_hz: float) -> np.ndarray:
    """A low shelf at 200 Hz, a peak one octave wide, a high shelf at 4 kHz; without phase shift, through an FFT.

    Args:
        stem: float32 `(samples, channels)`.
        low_db: gain far below 200 Hz.
        peak_db: gain at `peak_hz`.
        high_db: gain far above 4 kHz.
        peak_hz: centre of the peak.

    Returns:
        float32 `(samples, channels)`.
    """

    def gains(hertz: np.ndarray) -> np.ndarray:
        octaves = np.log2(np.maximum(hertz, 1))
        curve = low_db / (1 + np.exp2(3 * (octaves - np.log2(200))))
        curve += high_db / (1 + np.exp2(-3 * (octaves - np.log2(4000))))
        curve += peak_db * np.exp2(-((2 * (octaves - np.log2(peak_hz))) ** 2))
        return 10 ** (curve / 20)

    return filter_stem(stem, gains)


def resonate(stem: np.ndarray, peaks: Sequence[tuple[float, float, float]]) -> np.ndarray:
    """Narrow peaks: a megaphone, a wah-wah that stands still, a formant of another throat; without phase shift.

    Args:
        stem: float32 `(samples, channels)`.
        peaks: centre in Hz, gain there in dB, and octaves from there to where the decibels have fallen to 61 % (one standard
            deviation of a Gaussian).

    Returns:
        float32 `(samples, channels)`.
    """

    def gains(hertz: np.ndarray) -> np.ndarray:
        octaves = np.log2(np.maximum(hertz, 1))
        curves = [db * np.exp(-0.5 * ((octaves - np.log2(centre)) / width) ** 2) for centre, db, width in peaks]
        return 10 ** (np.sum(curves, axis=0) / 20)

    return filter_stem(stem, gains)


def filter_stem(stem: np.ndarray, gains: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Filter without phase shift, through an FFT.

    Args:
        stem: float32 `(samples, channels)`.
        gains: from frequencies in Hz to factors; asked at 60 per octave, straight lines lie between.

    Returns:
        float32 `(samples, channels)`.
    """
    size = fast_length(len(stem) + 4096)  # the silence keeps the end from leaking into the beginning
    factors = np.interp(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), _HERTZ, gains(_HERTZ)).astype(np.float32)
    spectrum = rfft(stem.astype(np.float32, copy=False), size, axis=0)
    for channel in spectrum.T:  # NumPy takes several times as long over both channels at once
        channel *= factors
    return irfft(spectrum, size, axis=0)[: len(stem)]


def reverberate(stem: np.ndarray, seconds: float, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """Add a room: noise that decays by 60 dB in `seconds`, another for each channel.

    The level of the tail against the dry sound is `decibels`. What the end leaves ringing rings at the beginning, as sound
    before the crop would have.

    Returns:
        float32 `(samples, channels)`.
    """
    length = min(int(seconds * SAMPLE_RATE), len(stem))
    room = rng.standard_normal((length, stem.shape[1]), dtype=np.float32)
    decay = np.exp(np.arange(length, dtype=np.float32) * np.float32(-3 * np.log(10) / seconds / SAMPLE_RATE))
    for channel in room.T:
        channel *= decay
    room[: int(0.005 * SAMPLE_RATE)] = 0  # the first reflection comes after the sound
    room *= 10 ** (decibels / 20) / np.sqrt(np.sum(room**2, axis=0) + 1e-12)
    size = fast_length(len(stem))
    wet = irfft(rfft(stem, size, axis=0) * rfft(room, size, axis=0), size, axis=0)
    return stem + wet[: len(stem)]


def clip_softly(stem: np.ndarray, drive_db: float) -> np.ndarray:
    """Overdrive: the stem's peak is driven `drive_db` above full scale into a tanh; the loudness stays.

    Returns:
        float32 `(samples, channels)` with the energy of `stem`.
    """
    peak = np.abs(stem).max(initial=0)
    if peak < 1e-6:
        return stem
    clipped = np.tanh(stem * np.float32(10 ** (drive_db / 20) / peak))
    return clipped * np.float32(np.sqrt(np.mean(stem**2) / np.mean(clipped**2)))


def add_noise(mixture: np.ndarray, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """White noise, its level relative to that of the mixture."""
    level = np.sqrt(np.mean(mixture**2)) * 10 ** (decibels / 20)
    return mixture + np.float32(level) * rng.standard_normal(mixture.shape, dtype=np.float32)


def silence_one_side(sounds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Silence before a random place or from there on, the same for all of `(…, samples, channels)`."""
    samples = sounds.shape[-2]
    after = np.arange(samples) >= rng.integers(1, samples)
    heard = after if rng.random() < 0.5 else ~after
    return np.where(heard[:, None], sounds, np.float32(0))


def middle(stem: np.ndarray) -> np.ndarray:
    """Average of the channels, `(samples,)`."""
    return stem @ np.full(stem.shape[1], 1 / stem.shape[1], np.float32)


def fast_length(samples: int) -> int:
    """The smallest even length of at least `samples` that is a product of 2, 3 and 5: such transforms are fast."""
    best = 1 << max(1, samples - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            best = min(best, three << max(1, (-(-samples // three) - 1).bit_length()))
            three *= 3
        five *= 5
    return best

"""What a studio does to a stem: compression, bandwidth, doubling, echo, place and width; pure functions."""

from __future__ import annotations

import numpy as np

from vocal_unet.data.effects import filter_stem, middle
from vocal_unet.data.levels import block_power
from vocal_unet.data.songs import SAMPLE_RATE

_CONTROL = 128
"""Samples between two values of a compressor's gain."""


def compress(stem: np.ndarray, threshold_db: float, ratio: float, attack: float, release: float) -> np.ndarray:
    """Make loud moments quieter: a feed-forward compressor; the energy stays.

    Above the threshold the level grows by 1 dB where it grew by `ratio` dB. The gain follows the level of both channels
    together, falling with time constant `attack` and rising with `release`.

    Args:
        stem: float32 `(samples, channels)`.
        threshold_db: against the level of the loudest 50 ms.
        ratio: above 1.
        attack: seconds.
        release: seconds.

    Returns:
        float32 `(samples, channels)`.
    """
    power = block_power(stem).max()
    if power < 1e-12:
        return stem
    count = -(-len(stem) // _CONTROL)
    squares = np.zeros(count * _CONTROL, np.float32)
    squares[: len(stem)] = np.einsum("ij,ij->i", stem, stem) / stem.shape[1]
    levels = 10 * np.log10(squares.reshape(count, _CONTROL).mean(axis=1) / power + 1e-9)
    wanted = np.maximum(0, levels - threshold_db) * (1 - 1 / ratio)
    fall, rise = (float(np.exp(-_CONTROL / SAMPLE_RATE / seconds)) for seconds in (attack, release))
    reduction, now = np.empty(count), 0.0
    for index, step in enumerate(wanted.tolist()):
        now = step + (fall if step > now else rise) * (now - step)
        reduction[index] = now
    places = np.arange(len(stem), dtype=np.float32) / _CONTROL - 0.5
    gains = np.interp(places, np.arange(count), 10 ** (-reduction / 20)).astype(np.float32)
    return same_energy(stem, stem * gains[:, None])


def limit_band(stem: np.ndarray, low_hz: float, high_hz: float, slope_db: float) -> np.ndarray:
    """Keep what lies between two frequencies, without phase shift: a telephone, a cheap microphone, a low bit rate.

    Args:
        stem: float32 `(samples, channels)`.
        low_hz: -3 dB below the passband; 0 keeps everything.
        high_hz: -3 dB above it; half the sample rate or more keeps everything.
        slope_db: per octave.

    Returns:
        float32 `(samples, channels)`.
    """
    return filter_stem(stem, lambda hertz: _band(hertz, low_hz, high_hz, slope_db / 6.02))


def _band(hertz: np.ndarray, low_hz: float, high_hz: float, order: float) -> np.ndarray:
    gains = np.ones_like(hertz)
    if low_hz > 0:
        gains /= np.sqrt(1 + (low_hz / np.maximum(hertz, 1e-3)) ** (2 * order))
    if high_hz < SAMPLE_RATE / 2:
        gains /= np.sqrt(1 + (hertz / high_hz) ** (2 * order))
    return gains


def double(stem: np.ndarray, milliseconds: float, cents: float, decibels: float, width: float) -> np.ndarray:
    """Add two copies, one left and one right, a little late and out of tune: double tracking or a chorus.

    Args:
        stem: float32 `(samples, 2)`; its middle is what is copied.
        milliseconds: delay of the copies, the right one's a third longer.
        cents: the left copy is so much higher, the right one so much lower.
        decibels: level of each copy against the stem.
        width: 0 leaves the copies in the middle, 1 puts them fully to the sides.

    Returns:
        float32 `(samples, 2)`.
    """
    voice = middle(stem)
    result = stem.astype(np.float32, copy=True)
    time = np.arange(len(stem), dtype=np.float64)
    drift = (2 ** (cents / 1200) - 1) * (time - len(stem) / 2)
    for side, late in ((-1, 1.0), (1, 4 / 3)):
        where = time - milliseconds * late * SAMPLE_RATE / 1000 - side * drift
        copy = np.interp(where, time, voice, left=0, right=0).astype(np.float32)
        sides = np.array([1 - side * width, 1 + side * width], np.float32) * np.float32(10 ** (decibels / 20))
        result += copy[:, None] * sides
    return result


def echo(stem: np.ndarray, seconds: float, decibels: float, repeats: int, *, ping_pong: bool) -> np.ndarray:
    """Add repeats, each `decibels` quieter than the one before; with `ping_pong` every other one has its channels swapped."""
    result = stem.astype(np.float32, copy=True)
    late = max(1, round(seconds * SAMPLE_RATE))
    for number in range(1, repeats + 1):
        heard = stem[: max(0, len(stem) - number * late)]
        gain = np.float32(10 ** (number * decibels / 20))
        result[number * late :] += gain * (heard[:, ::-1] if ping_pong and number % 2 else heard)
    return result


def widen(stem: np.ndarray, width: float, spread: float, milliseconds: float) -> np.ndarray:
    """Scale the difference of the channels, and give a stem without any difference some.

    Args:
        stem: float32 `(samples, 2)`.
        width: factor of the difference of the channels; 0 makes mono.
        spread: level of a delayed middle that is added left and subtracted right, so that their sum stays as it was.
        milliseconds: its delay.

    Returns:
        float32 `(samples, 2)`.
    """
    centre, side = middle(stem), (stem[:, 0] - stem[:, 1]) * np.float32(width / 2)
    late = max(1, round(milliseconds * SAMPLE_RATE / 1000))
    if spread:
        side[late:] += np.float32(spread) * centre[:-late]
    return np.stack([centre + side, centre - side], axis=1)


def place(stem: np.ndarray, position: float) -> np.ndarray:
    """Turn the balance control: from -1 (left alone) over 0 (as it is) to 1 (right alone)."""
    # One channel after the other: NumPy takes five times as long over both at once.
    left, right = stem[:, 0] * np.float32(min(1, 1 - position)), stem[:, 1] * np.float32(min(1, 1 + position))
    return np.stack([left, right], axis=1)


def same_energy(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """`after` at the energy of `before`."""
    now = np.vdot(after, after)
    return after * np.float32(np.sqrt(np.vdot(before, before) / now)) if now > 0 else after

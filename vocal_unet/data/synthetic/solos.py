"""Instruments that come close to a voice, which a network must learn not to take for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vocal_unet.data.synthetic import dsp
from vocal_unet.data.synthetic.curves import Curves
from vocal_unet.data.synthetic.plan import Plan, make_melody

Range = tuple[float, float]


@dataclass(frozen=True)
class _Kind:
    """Ranges that an instrument's numbers are drawn from."""

    low: Range
    """Lowest MIDI pitch."""
    cutoff: Range
    """Partials below the low-pass."""
    attack: Range = (0.02, 0.06)
    decay: Range = (0.0, 0.0)
    """Seconds; a decay of 0 is held."""
    glide: Range = (0.01, 0.05)
    """Seconds from note to note."""
    scoop: Range = (0.0, 0.7)
    """Semitones a note may begin off: bends."""
    vibrato: Range = (0.0, 0.4)
    """Semitones."""
    opening: Range = (0.0, 0.6)
    """How much of the cutoff follows the loudness."""
    tilt: Range = (-3.0, 1.0)
    """dB per octave."""
    body: Range = (2.0, 8.0)
    """Size in dB of fixed resonances."""
    breath: Range = (0.0, 0.0)
    drive: Range = (0.0, 0.0)
    hollow: float = 0.0
    """How often only odd partials sound."""
    sweep: float = 0.0
    """How often a resonance moves over the partials, as a wah-wah's or a synthesiser's does."""


_BOWED: dict[str, Any] = {
    "attack": (0.04, 0.2),
    "glide": (0.02, 0.1),
    "vibrato": (0.1, 0.6),
    "body": (5.0, 12.0),
    "breath": (0.01, 0.06),
}
_KINDS = {
    "saxophone": _Kind(
        (46, 62), (6, 16), scoop=(0, 2), opening=(0, 0.8), tilt=(-2, 2), breath=(0.02, 0.15), drive=(0, 3)
    ),
    "trumpet": _Kind((52, 64), (8, 24), glide=(0.01, 0.03), opening=(0.4, 1), tilt=(-1, 3), breath=(0.005, 0.03)),
    "clarinet": _Kind((50, 62), (5, 14), opening=(0.2, 0.8), breath=(0.01, 0.05), hollow=1),
    "flute": _Kind((60, 74), (1.2, 3), attack=(0.03, 0.1), tilt=(-4, 0), body=(0, 4), breath=(0.05, 0.4)),
    "violin": _Kind((55, 72), (8, 30), **_BOWED),
    "cello": _Kind((38, 52), (8, 30), **_BOWED),
    "theremin": _Kind(
        (62, 84), (0.7, 1.1), glide=(0.04, 0.15), scoop=(0, 3), vibrato=(0.1, 0.8), opening=(0, 0), body=(0, 0)
    ),
    "whistle": _Kind((72, 88), (0.7, 1.1), glide=(0.02, 0.08), scoop=(0, 2), body=(0, 0), breath=(0.02, 0.2)),
    "synthesiser": _Kind((48, 74), (3, 40), attack=(0.005, 0.08), glide=(0, 0.15), drive=(0, 4), hollow=0.4, sweep=0.5),
    "guitar": _Kind((50, 66), (6, 25), attack=(0.005, 0.01), decay=(1, 6), scoop=(0, 2.5), drive=(2, 15), sweep=0.3),
}


def play_solo(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """A tune with glides, bends and vibrato on one of ten kinds of instrument, float32 `(samples, 2)`."""
    kind = list(_KINDS.values())[rng.integers(len(_KINDS))]
    low = rng.uniform(*kind.low)
    rest = rng.uniform(0.1, 0.6)
    notes = make_melody(plan, low, low + rng.uniform(12, 22), float(np.exp(rng.uniform(-0.7, 1.2))), rest, rng)
    curves = Curves(plan, notes)
    pitch = curves.pitch(rng.uniform(*kind.glide), rng.uniform(*kind.scoop), rng)
    delay = rng.uniform(0, 0.4)
    pitch += curves.vibrato(rng.uniform(4.5, 7), rng.uniform(*kind.vibrato), delay, rng)
    loudness = curves.loudness(rng.uniform(*kind.attack), rng.uniform(*kind.decay), 0.04)
    hertz = curves.hertz(pitch)
    if rng.random() < kind.hollow:
        source = np.tanh(3 * np.sin(2 * np.pi * np.cumsum(hertz) / plan.sample_rate)).astype(np.float32)
    else:
        source = dsp.sawtooth(hertz, plan.sample_rate, rng)
    gains = _filters(curves, pitch, loudness, kind, plan.sample_rate, rng)
    frames = dsp.spectra(source) * (gains * loudness[:, None]).astype(np.float32)
    breath = rng.uniform(*kind.breath)
    if breath:
        frames += dsp.spectra(dsp.noise(plan.samples, rng)) * (0.1 * breath * loudness[:, None] * gains).astype(
            np.float32
        )
    track = dsp.from_spectra(frames, plan.samples)
    drive = rng.uniform(*kind.drive)
    if drive > 0.5:
        track = np.tanh(track * np.float32(drive / (4 * track.std() + 1e-9)))
        track = dsp.equalise(track, dsp.low_pass(plan.sample_rate, rng.uniform(3500, 9000), 3))
    return dsp.pan(track, float(rng.uniform(-0.9, 0.9) * (rng.random() < 0.6)))


def _filters(
    curves: Curves, pitch: np.ndarray, loudness: np.ndarray, kind: _Kind, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Gains of low-pass, body and sweeping resonance, `(frames, bins)`."""
    hertz = np.maximum(dsp.frequencies(sample_rate), 40)
    octaves = np.log2(hertz)
    body = np.zeros_like(octaves)
    for _ in range(5):
        body += rng.uniform(*kind.body) * np.exp(-((3 * (octaves - np.log2(250) - 4.3 * rng.random())) ** 2))
    fixed = dsp.tilt(sample_rate, rng.uniform(*kind.tilt)) * 10 ** (body / 20)
    opening = rng.uniform(*kind.opening)
    cutoff = rng.uniform(*kind.cutoff) * (1 - opening + opening * loudness) * 440 * 2 ** ((pitch - 69) / 12)
    ratio = (hertz.astype(np.float32) / np.maximum(cutoff, 150)[:, None].astype(np.float32)) ** 2
    gains = fixed.astype(np.float32) / np.sqrt(1 + ratio**2)
    if rng.random() < kind.sweep:
        slow = np.sin(2 * np.pi * rng.uniform(0.2, 4) * np.arange(curves.count) * curves.seconds)
        movement = slow if rng.random() < 0.5 else np.clip(dsp.wander(curves.count, 12, rng), -2, 2) / 2
        centre = (rng.uniform(9.3, 10.7) + rng.uniform(0.3, 1) * movement)[:, None].astype(np.float32)
        gains *= 1 + np.float32(rng.uniform(2, 7)) * np.exp(-((4 * (octaves.astype(np.float32) - centre)) ** 2))
    return gains

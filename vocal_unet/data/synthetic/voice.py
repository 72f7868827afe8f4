"""A singing voice: a gliding, trembling source, vowels as moving formants, consonants as bursts of noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vocal_unet.data.synthetic import dsp
from vocal_unet.data.synthetic.plan import Note, Plan, make_melody

_VOWELS = np.array(
    [
        # Hz; the first three formants of male speakers in Peterson and Barney (1952)
        (730, 1090, 2440),
        (660, 1720, 2410),
        (530, 1840, 2480),
        (390, 1990, 2550),
        (270, 2290, 3010),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ]
)
_CONTROL = dsp.HOP
"""Samples between two values of a slow curve (pitch, loudness, formants)."""


@dataclass(frozen=True)
class Singer:
    """What makes one voice differ from another."""

    low: float
    high: float
    """Range in MIDI pitches."""
    tract: float
    """Formants relative to a man's: a shorter tract has higher ones."""
    bandwidth: float
    glide: float
    """Seconds a change of pitch takes."""
    vibrato_rate: float
    vibrato_depth: float
    """In Hz, and in semitones."""
    breath: float
    consonants: float
    """Share of the notes that begin with one."""
    brightness: float
    """Tilt in dB per octave."""
    ring: float
    """The singer's formant around 3 kHz, in dB."""
    drive: float
    """Distortion; 0 is clean."""


def make_singer(rng: np.random.Generator) -> Singer:
    """Draw a voice: bass to soprano, dry to breathy, clean to rough."""
    height = rng.random()
    low = 40 + 17 * height + rng.uniform(-3, 3)
    return Singer(
        low=low,
        high=low + rng.uniform(14, 22),
        tract=0.94 + 0.26 * height + rng.uniform(-0.05, 0.05),
        bandwidth=rng.uniform(0.7, 1.8),
        glide=rng.uniform(0.02, 0.16),
        vibrato_rate=rng.uniform(4.2, 7.2),
        vibrato_depth=rng.uniform(0, 0.7) * (rng.random() < 0.8),
        breath=10 ** rng.uniform(-2.2, -0.9),
        consonants=rng.uniform(0.4, 0.95),
        brightness=rng.uniform(-4.5, 2),
        ring=rng.uniform(-3, 12),
        drive=rng.uniform(1, 4) * (rng.random() < 0.25),
    )


def sing(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """The vocals of a song, float32 `(samples, 2)`: a lead in the middle, at times doubled or with harmonies, in a room."""
    singer = make_singer(rng)
    rest = rng.uniform(0.1, 0.45)
    melody = make_melody(plan, singer.low, singer.high, float(np.exp(rng.uniform(-0.7, 1.1))), rest, rng)
    lead = _voice(plan, singer, melody, rng)
    stereo = dsp.pan(lead, float(rng.normal(0, 0.06)))
    if rng.random() < 0.35:
        interval = float(rng.choice([0, 0, -12, 3, 4, 7, -5]))
        harmony = [Note(n.start + rng.normal(0, 0.012), n.duration, n.pitch + interval, n.velocity) for n in melody]
        level, width = rng.uniform(0.2, 0.7), rng.uniform(0, 0.9)
        for side in (-1, 1):
            stereo += level * dsp.pan(_voice(plan, singer, harmony, rng), side * width)
    if rng.random() < 0.3:
        echo = int(plan.beat * rng.choice([0.5, 0.75, 1.0]) * plan.sample_rate)
        delayed = rng.uniform(0.1, 0.4) * stereo[: max(0, len(stereo) - echo)]
        stereo[len(stereo) - len(delayed) :] += delayed
    return dsp.reverberate(stereo, plan.sample_rate, rng.uniform(0.3, 2.2), 10 ** rng.uniform(-1.6, -0.4), rng)


def _voice(plan: Plan, singer: Singer, melody: list[Note], rng: np.random.Generator) -> np.ndarray:
    """One voice, float32 `(samples,)`."""
    count, seconds = dsp.frame_count(plan.samples), _CONTROL / plan.sample_rate
    sung = np.zeros(count)
    hiss = np.zeros(count)
    hiss_centre = np.full(count, 6000.0)
    pitch = np.full(count, melody[0].pitch if melody else 60.0)
    onset = np.zeros(count)
    vowels = np.zeros((count, 3))
    vowels[:] = _VOWELS[rng.integers(len(_VOWELS))]
    for note in melody:
        first, last = int(max(0, note.start) / seconds), int((note.start + note.duration) / seconds)
        if first >= count:
            break
        pitch[first:] = note.pitch
        onset[first:] = first
        vowels[first:] = _VOWELS[rng.integers(len(_VOWELS))]
        if rng.random() < 0.3:
            vowels[(first + last) // 2 :] = _VOWELS[rng.integers(len(_VOWELS))]
        sung[first:last] = note.velocity
        if rng.random() < singer.consonants:
            length = int(max(1, rng.uniform(0.02, 0.16) / seconds))
            burst = slice(max(0, first - length // 2), first + length // 2 + 1)
            sung[burst] *= rng.choice([0.0, 0.2, 0.6])
            hiss[burst] = 10 ** rng.uniform(-1.3, 0.0) * note.velocity
            hiss_centre[burst] = np.exp(rng.uniform(np.log(2200), np.log(10500)))
    sung = dsp.smooth(sung, 5) * (1 + 0.12 * dsp.wander(count, 20, rng))
    pitch = dsp.smooth(pitch, round(singer.glide / seconds)) + 0.1 * dsp.wander(count, 40, rng)
    time = np.arange(count) * seconds
    swelling = np.clip((time - onset * seconds) / 0.5, 0.1, 1)
    wobble = singer.vibrato_rate * time + 0.2 * dsp.wander(count, 60, rng)
    pitch = pitch + singer.vibrato_depth * swelling * np.sin(2 * np.pi * wobble)
    at = np.arange(plan.samples) / _CONTROL
    frequency = np.interp(at, np.arange(count), 440 * 2 ** ((pitch - 69) / 12))
    source = dsp.sawtooth(frequency, plan.sample_rate, rng)
    formants = np.stack([dsp.smooth(vowels[:, i], 9) for i in range(3)], axis=1) * singer.tract
    envelope = _formant_gains(plan.sample_rate, formants, singer)
    band = _hiss_gains(plan.sample_rate, hiss_centre)
    breath = 0.3 * singer.breath * sung[:, None] * (envelope + 0.1)
    frames = dsp.spectra(source) * (envelope * sung[:, None]).astype(np.float32)
    frames += dsp.spectra(dsp.noise(plan.samples, rng)) * (breath + 0.3 * hiss[:, None] * band).astype(np.float32)
    frames *= dsp.high_pass(plan.sample_rate, rng.uniform(70, 160)) * dsp.tilt(plan.sample_rate, singer.brightness)
    voice = dsp.from_spectra(frames, plan.samples)
    if singer.drive:
        voice = np.tanh(voice * np.float32(singer.drive / (4 * voice.std() + 1e-9)))
    return voice / (np.sqrt(np.mean(voice**2)) + 1e-9)


def _formant_gains(sample_rate: int, formants: np.ndarray, singer: Singer) -> np.ndarray:
    """Spectral envelope of the tract, `(frames, bins)`: resonances in parallel over a floor that stands for the higher poles.

    Args:
        sample_rate: Hz.
        formants: the first three formants in Hz, `(frames, 3)`.
        singer: tract length, bandwidths and ring.
    """
    frequency = dsp.frequencies(sample_rate)
    gains = np.full((len(formants), len(frequency)), 0.03, np.float32)
    upper = np.array([2900.0, 3700.0, 4900.0]) * singer.tract
    for index, strength in enumerate((1.0, 0.6, 0.3)):
        centre = formants[:, index, None].astype(np.float32)
        width = np.float32((60 + 40 * index) * singer.bandwidth) + 0.04 * centre
        gains += strength / (1 + ((frequency - centre) / width) ** 2)
    for centre, strength in zip(upper, (0.1 * 10 ** (singer.ring / 20), 0.15, 0.1), strict=True):
        gains += (strength / (1 + ((frequency - centre) / (0.1 * centre * singer.bandwidth)) ** 2)).astype(np.float32)
    return gains


def _hiss_gains(sample_rate: int, centre: np.ndarray) -> np.ndarray:
    """Band of a consonant's noise around `centre` Hz `(frames,)`, an octave wide: `(frames, bins)`."""
    octaves = np.log2(np.maximum(dsp.frequencies(sample_rate), 50)) - np.log2(centre)[:, None]
    return np.exp(-2 * octaves.astype(np.float32) ** 2)

"""The instruments of a generated song: drums, bass, and everything that plays chords and tunes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vocal_unet.data.synthetic import dsp
from vocal_unet.data.synthetic.curves import Curves
from vocal_unet.data.synthetic.plan import Note, Plan, make_melody
from vocal_unet.data.synthetic.solos import play_solo

_TABLE = 2048
_HARMONICS = (4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Timbre:
    """An instrument's tone: one period at two brightnesses, and how it begins and ends."""

    bright: np.ndarray
    dull: np.ndarray
    """Periods `(len(_HARMONICS), _TABLE)`, limited to so many harmonics each."""
    attack: float
    decay: float
    release: float
    sustain: float
    """Seconds, but the sustain level in [0, 1]; 0 rings out like a plucked string."""
    fade: float
    """Seconds in which the bright period gives way to the dull one."""
    detune: float
    vibrato: float
    """Both in semitones."""


def make_timbre(rng: np.random.Generator, *, plucked: bool) -> Timbre:
    """Draw an instrument: harmonic slope, odd or even harmonics, body resonances, envelope."""
    numbers = np.arange(1, _HARMONICS[-1] + 1)
    levels = numbers ** -rng.uniform(0.7, 2.2) * 10 ** (rng.normal(0, 5, len(numbers)) / 20)
    levels[1::2] *= rng.choice([1.0, 1.0, 0.2, 0.02])
    cutoff = np.exp(rng.uniform(np.log(1.5), np.log(12)))
    return Timbre(
        bright=_periods(levels, rng),
        dull=_periods(levels / (1 + (numbers / cutoff) ** 2), rng),
        attack=rng.uniform(0.002, 0.015) if plucked else np.exp(rng.uniform(np.log(0.005), np.log(0.4))),
        decay=rng.uniform(0.15, 1.5),
        release=rng.uniform(0.02, 0.15) if plucked else rng.uniform(0.03, 0.5),
        sustain=0.0 if plucked else rng.uniform(0.4, 1),
        fade=rng.uniform(0.05, 0.6) if plucked else rng.uniform(0.3, 4),
        detune=rng.uniform(0, 0.15),
        vibrato=0.0 if plucked else rng.uniform(0, 0.35) * (rng.random() < 0.4),
    )


def _periods(levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.zeros((len(_HARMONICS), _TABLE // 2 + 1), complex)
    partials = levels * np.exp(2j * np.pi * rng.random(len(levels)))
    for row, limit in enumerate(_HARMONICS):
        spectrum[row, 1 : limit + 1] = partials[:limit]
    return (np.fft.irfft(spectrum, axis=1) * _TABLE / np.sqrt(2 * np.sum(levels**2))).astype(np.float32)


def play(plan: Plan, notes: list[Note], timbre: Timbre, rng: np.random.Generator) -> np.ndarray:
    """Play notes, float32 `(samples,)`."""
    track = np.zeros(plan.samples, np.float32)
    for note in notes:
        first = int(max(0, note.start) * plan.sample_rate)
        length = min(plan.samples - first, int((note.duration + timbre.release) * plan.sample_rate))
        if length > 0:
            track[first : first + length] += np.float32(note.velocity) * _tone(plan, note, length, timbre, rng)
    return track


def _tone(plan: Plan, note: Note, length: int, timbre: Timbre, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(length, dtype=np.float32) / plan.sample_rate
    frequency = 440 * 2 ** ((note.pitch + rng.normal(0, 0.03) - 69) / 12)
    allowed = 0.45 * plan.sample_rate / frequency
    row = max(0, int(np.searchsorted(_HARMONICS, allowed, side="right")) - 1)
    brightness = np.exp(-time / np.float32(timbre.fade))
    tone = np.zeros(length, np.float32)
    for side in (-1, 1) if timbre.detune > 0.03 else (0,):
        turns = frequency * 2 ** (side * timbre.detune / 24) * time.astype(np.float64) + rng.random()
        if timbre.vibrato:
            turns += frequency * timbre.vibrato * 0.0577 / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * time)
        index = (turns * _TABLE).astype(np.int64) & (_TABLE - 1)
        dull = timbre.dull[row][index]
        tone += dull + brightness * (timbre.bright[row][index] - dull)
    envelope = np.minimum(time / timbre.attack, 1) * np.minimum((time[-1] - time) / timbre.release, 1)
    decaying = timbre.sustain + (1 - timbre.sustain) * np.exp(-time / np.float32(timbre.decay))
    return tone * (envelope * decaying).astype(np.float32)


def play_bass(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """The bass, float32 `(samples, 2)`, in the middle: roots, fifths and octaves in a rhythm of its own."""
    rhythm = np.flatnonzero(rng.random(16) < rng.uniform(0.15, 0.7)).tolist()
    if 0 not in rhythm:
        rhythm.insert(0, 0)
    octave = int(rng.choice([1, 1, 2]))
    steps = rng.choice([0, 0, 0, 4, 7], len(rhythm))
    held = rng.uniform(0.4, 1)
    notes = []
    for bar in range(plan.bars):
        root = plan.progression[bar % len(plan.progression)]
        for index, sixteenth in enumerate(rhythm):
            end = rhythm[index + 1] if index + 1 < len(rhythm) else 16
            start = plan.time(4 * bar + sixteenth / 4)
            duration = held * (end - sixteenth) / 4 * plan.beat
            notes.append(Note(start, duration, plan.pitch(root + int(steps[index]), octave), rng.uniform(0.7, 1)))
    if rng.random() < 0.25:
        track = _booming(plan, notes, rng)
    else:
        track = play(plan, notes, make_timbre(rng, plucked=bool(rng.random() < 0.6)), rng)
    gains = dsp.low_pass(plan.sample_rate, np.exp(rng.uniform(np.log(250), np.log(3500))))
    return dsp.pan(dsp.equalise(track, gains), float(rng.normal(0, 0.03)))


def _booming(plan: Plan, notes: list[Note], rng: np.random.Generator) -> np.ndarray:
    """A drum machine's long, gliding sine, overdriven, float32 `(samples,)`."""
    curves = Curves(plan, notes)
    hertz = curves.hertz(curves.pitch(rng.uniform(0.01, 0.1), 0.0, rng))
    level = np.interp(
        np.arange(plan.samples) / dsp.HOP, np.arange(curves.count), curves.loudness(0.01, rng.uniform(1, 5), 0.03)
    )
    wave = np.sin(2 * np.pi * np.cumsum(hertz) / plan.sample_rate) * level
    return np.tanh(rng.uniform(0.5, 4) * wave).astype(np.float32)


def play_others(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Everything else, float32 `(samples, 2)`: one to four of pads, guitars, arpeggios, tunes."""
    parts = (_chords, _chords, _guitars, _arpeggio, _lead, play_solo, play_solo)
    total = np.zeros((plan.samples, 2), np.float32)
    for part in rng.permutation(len(parts))[: rng.integers(1, 5)]:
        stereo = parts[part](plan, rng)
        total += 10 ** rng.uniform(-0.5, 0) * stereo / (np.sqrt(np.mean(stereo**2)) + 1e-9)
    if rng.random() < 0.7:
        total = dsp.reverberate(total, plan.sample_rate, rng.uniform(0.3, 2.5), 10 ** rng.uniform(-1.5, -0.3), rng)
    return total


def _voicing(plan: Plan, bar: int, octave: int, tones: int, rng: np.random.Generator) -> list[int]:
    return [pitch + 12 * int(rng.integers(-1, 2)) * (rng.random() < 0.2) for pitch in plan.chord(bar, octave, tones)]


def _chords(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Keys or pads, the same chords with other phases in each ear."""
    timbre, octave, tones = (
        make_timbre(rng, plucked=bool(rng.random() < 0.4)),
        int(rng.integers(3, 6)),
        int(rng.integers(3, 5)),
    )
    beats = [0.0, *sorted(rng.choice(np.arange(1, 8) / 2, int(rng.integers(0, 4)), replace=False).tolist())]
    notes = []
    for bar in range(plan.bars):
        pitches = _voicing(plan, bar, octave, tones, rng)
        for beat, end in zip(beats, [*beats[1:], 4.0], strict=True):
            start, duration = plan.time(4 * bar + beat), (end - beat) * plan.beat
            notes += [Note(start, duration, pitch, rng.uniform(0.6, 1)) for pitch in pitches]
    return _both_sides(plan, notes, timbre, rng)


def _guitars(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Two guitars left and right, strummed clean or as distorted power chords."""
    timbre, distorted = make_timbre(rng, plucked=True), rng.random() < 0.5
    strokes = np.flatnonzero(rng.random(8) < rng.uniform(0.4, 1)) / 2
    strokes = strokes if len(strokes) else np.zeros(1)
    spread = rng.uniform(0, 0.025)
    width = rng.uniform(0.2, 1)
    stereo = np.zeros((plan.samples, 2), np.float32)
    for side in (-1, 1):
        notes = []
        for bar in range(plan.bars):
            root = plan.chord(bar, 2)[0]
            pitches = [root, root + 7, root + 12] if distorted else [*plan.chord(bar, 3), root + 24]
            for beat in strokes:
                start = plan.time(4 * bar + beat) + rng.normal(0, 0.008)
                level = rng.uniform(0.5, 1)
                notes += [Note(start + i * spread, plan.beat, pitch, level) for i, pitch in enumerate(pitches)]
        track = play(plan, notes, timbre, rng)
        if distorted:
            track = np.tanh(track * np.float32(rng.uniform(3, 25)) / (track.std() + 1e-9) / 4)
            track = dsp.equalise(track, dsp.low_pass(plan.sample_rate, rng.uniform(3000, 6500), 4))
        stereo += dsp.pan(track, side * width)
    return stereo


def _arpeggio(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Broken chords in eighths or sixteenths."""
    timbre, octave = make_timbre(rng, plucked=bool(rng.random() < 0.7)), int(rng.integers(3, 6))
    per_beat = int(rng.choice([2, 3, 4]))
    pattern = rng.integers(0, 4, 4 * per_beat)
    notes = []
    for bar in range(plan.bars):
        pitches = plan.chord(bar, octave, 4)
        for index, tone in enumerate(pattern):
            start = (4 * bar + index / per_beat) * plan.beat
            notes.append(Note(start, plan.beat / per_beat, pitches[tone], rng.uniform(0.5, 1)))
    return _both_sides(plan, notes, timbre, rng)


def _lead(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """A tune on one instrument, which a network must learn not to take for a voice."""
    low = rng.uniform(52, 74)
    notes = make_melody(plan, low, low + 20, float(np.exp(rng.uniform(-0.7, 1.1))), rng.uniform(0.1, 0.6), rng)
    track = play(plan, notes, make_timbre(rng, plucked=bool(rng.random() < 0.4)), rng)
    return dsp.pan(track, float(rng.uniform(-0.9, 0.9)))


def _both_sides(plan: Plan, notes: list[Note], timbre: Timbre, rng: np.random.Generator) -> np.ndarray:
    """Notes played by two players left and right, or by one who stands somewhere."""
    if rng.random() < 0.5:
        return dsp.pan(play(plan, notes, timbre, rng), float(rng.uniform(-1, 1)))
    width = rng.uniform(0.2, 1)
    return dsp.pan(play(plan, notes, timbre, rng), -width) + dsp.pan(play(plan, notes, timbre, rng), width)

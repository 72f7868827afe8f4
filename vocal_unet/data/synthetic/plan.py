"""The score of a generated song: tempo, key, chords and the melody everybody plays to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 3, 5, 7, 8, 10),  # minor
    (0, 2, 3, 5, 7, 9, 10),  # dorian
    (0, 2, 4, 5, 7, 9, 10),  # mixolydian
)
_PROGRESSIONS = (
    (0, 4, 5, 3),
    (5, 3, 0, 4),
    (0, 5, 3, 4),
    (0, 3, 4, 3),
    (0, 0, 3, 4),
    (1, 4, 0, 0),
    (0, 6, 5, 6),
    (0, 2, 3, 4),
)


@dataclass(frozen=True)
class Note:
    """One tone: start and duration in seconds, pitch as a MIDI number (69 is 440 Hz), velocity in (0, 1]."""

    start: float
    duration: float
    pitch: float
    velocity: float


@dataclass(frozen=True)
class Plan:
    """What all stems of a song share."""

    sample_rate: int
    samples: int
    beat: float
    """Seconds per beat; a bar has four."""
    swing: float
    """How late, in beats, every second eighth note comes."""
    tonic: int
    """Pitch class of the key's first degree, 0 (C) to 11."""
    scale: tuple[int, ...]
    progression: tuple[int, ...]
    """Degree of the chord in each bar, repeated to the end."""

    @property
    def bars(self) -> int:
        """Bars that begin before the end."""
        return int(np.ceil(self.samples / self.sample_rate / (4 * self.beat)))

    def section_starts(self) -> list[int]:
        """First sample of each section: as many rounds of the chords as last 10 s; what is left over joins the last one."""
        round_ = 4 * self.beat * len(self.progression)
        section = round_ * np.ceil(10 / round_) * self.sample_rate
        return [int(section * index) for index in range(max(1, round(self.samples / section)))]

    def time(self, beats: float) -> float:
        """Seconds at a position in beats, swung."""
        return (beats + (self.swing if round(2 * beats) % 2 else 0)) * self.beat

    def pitch(self, degree: int, octave: int) -> int:
        """MIDI number of a scale degree (0 is the tonic, 7 the tonic above) in an octave (4 holds 440 Hz)."""
        return 12 * (octave + 1) + self.tonic + 12 * (degree // 7) + self.scale[degree % 7]

    def chord(self, bar: int, octave: int, tones: int = 3) -> list[int]:
        """MIDI numbers of the bar's chord, stacked thirds from its root."""
        root = self.progression[bar % len(self.progression)]
        return [self.pitch(root + 2 * tone, octave) for tone in range(tones)]


def make_plan(samples: int, sample_rate: int, rng: np.random.Generator) -> Plan:
    """Draw a song's tempo (66 to 172 beats per minute), key, scale and chords."""
    progression = _PROGRESSIONS[rng.integers(len(_PROGRESSIONS))]
    return Plan(
        sample_rate=sample_rate,
        samples=samples,
        beat=60 / float(rng.uniform(66, 172)),
        swing=float(rng.choice([0.0, 0.0, 0.08, 0.16])),
        tonic=int(rng.integers(12)),
        scale=_SCALES[rng.integers(len(_SCALES))],
        progression=tuple(np.roll(progression, rng.integers(4)).tolist()),
    )


def make_melody(plan: Plan, low: float, high: float, busy: float, rest: float, rng: np.random.Generator) -> list[Note]:
    """A tune that walks on the scale, leans to chord tones and rests between phrases.

    Args:
        plan: key, chords and tempo.
        low: lowest MIDI pitch.
        high: highest MIDI pitch.
        busy: notes per beat, about.
        rest: share of the time between phrases without notes.
        rng: draws everything.

    Returns:
        Notes in order, none starting before the last has ended.
    """
    lengths = np.array([0.25, 0.5, 1.0, 1.5, 2.0, 4.0])
    likely = np.exp(-np.abs(np.log(lengths * busy)) * 1.6)
    likely /= likely.sum()
    scale = np.array([plan.pitch(degree, octave) for octave in range(1, 8) for degree in range(7)])
    scale = scale[(scale >= low) & (scale <= high)]
    position = len(scale) // 2
    notes: list[Note] = []
    beat = float(rng.choice([0.0, 0.5, 1.0, 2.0]))
    phrase_end = beat + rng.uniform(3, 10)
    while plan.time(beat) * plan.sample_rate < plan.samples:
        if beat >= phrase_end:
            phrase = rng.uniform(3, 14)
            beat += np.round(2 * phrase * rest / (1 - rest) * rng.uniform(0.4, 1.6)) / 2
            phrase_end = beat + phrase
        length = float(rng.choice(lengths, p=likely))
        position = int(np.clip(position + rng.choice([-4, -2, -1, -1, 0, 0, 1, 1, 2, 4]), 0, len(scale) - 1))
        if rng.random() < 0.4:
            chord = {pitch % 12 for pitch in plan.chord(int(beat // 4), 4)}
            tones = np.flatnonzero([pitch % 12 in chord for pitch in scale])
            position = int(tones[np.argmin(np.abs(tones - position))]) if len(tones) else position
        start = plan.time(beat)
        duration = (plan.time(beat + length) - start) * rng.uniform(0.8, 1.0)
        notes.append(Note(start, duration, float(scale[position]), float(rng.uniform(0.5, 1))))
        beat += length
    return notes


def make_rap(plan: Plan, middle: float, rest: float, rng: np.random.Generator) -> list[Note]:
    """Syllables in a fast rhythm whose pitch falls over each line, as in speech, without a scale.

    Args:
        plan: the tempo; lines last one or two bars.
        middle: MIDI pitch around which they lie.
        rest: chance of a line without words.
        rng: draws everything.
    """
    step = float(rng.choice([0.25, 0.25, 1 / 3, 0.5])) * (2 if plan.beat < 0.45 else 1)
    dense = rng.uniform(0.6, 0.95)
    notes: list[Note] = []
    beat = 0.0
    while plan.time(beat) * plan.sample_rate < plan.samples:
        line = float(rng.choice([4, 4, 8]))
        if notes and rng.random() < rest:
            beat += line / 2
            continue
        fall = rng.uniform(2, 7)
        end = line - rng.uniform(0.3, 1.2)
        for position in np.arange(0, end, step):
            if rng.random() < dense:
                accent = position % 1 == 0 or rng.random() < 0.2
                pitch = middle + fall * (0.5 - position / end) + rng.normal(0, 1) + 2 * accent
                start = (beat + position) * plan.beat + rng.normal(0, 0.01)
                duration = step * plan.beat * rng.uniform(0.6, 1.0)
                notes.append(Note(float(start), duration, float(pitch), float(rng.uniform(0.5, 0.8) + 0.2 * accent)))
        beat += line
    return notes

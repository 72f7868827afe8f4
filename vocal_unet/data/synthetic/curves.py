"""Slow curves of pitch, loudness and vibrato that a voice or an instrument follows from note to note."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vocal_unet.data.synthetic import dsp
from vocal_unet.data.synthetic.plan import Note, Plan


class Curves:
    """Values at every `dsp.HOP` samples of a song; methods return arrays `(count,)`."""

    def __init__(self, plan: Plan, notes: list[Note]) -> None:
        self.samples, self.rate = plan.samples, plan.sample_rate
        self.seconds = dsp.HOP / plan.sample_rate
        self.count = dsp.frame_count(plan.samples)
        self._notes = notes

    def points(self, seconds: float) -> int:
        """Values in so many seconds."""
        return round(seconds / self.seconds)

    def spans(self) -> Iterator[tuple[Note, int, int]]:
        """Every note that begins before the end, with its first value and the one after its last."""
        for note in self._notes:
            first = self.points(max(0.0, note.start))
            if first >= self.count:
                return
            yield note, first, max(first + 1, min(self.count, self.points(note.start + note.duration)))

    def pitch(self, glide: float, scoop: float, rng: np.random.Generator) -> np.ndarray:
        """MIDI pitch that glides from note to note in `glide` seconds, starting up to `scoop` semitones off, mostly below."""
        pitch = np.full(self.count, self._notes[0].pitch if self._notes else 60.0)
        for note, first, _ in self.spans():
            pitch[first:] = note.pitch
            if scoop and rng.random() < 0.5:
                pitch[first : first + self.points(rng.uniform(0.03, 0.12))] -= scoop * rng.uniform(-0.3, 1)
        return dsp.smooth(pitch, self.points(glide))

    def vibrato(self, rate: float, depth: float, delay: float, rng: np.random.Generator) -> np.ndarray:
        """Semitones around the pitch; sets in `delay` seconds after a note's beginning. Rate in Hz, depth in semitones."""
        age = np.full(self.count, 10.0)
        for _, first, _ in self.spans():
            age[first:] = np.arange(self.count - first) * self.seconds
        swelling = np.clip((age - delay) / 0.4, 0, 1)
        turns = rate * np.arange(self.count) * self.seconds + 0.2 * dsp.wander(self.count, 60, rng)
        return depth * swelling * np.sin(2 * np.pi * turns)

    def loudness(self, attack: float, decay: float, release: float) -> np.ndarray:
        """Velocities that rise in `attack` seconds and, unless `decay` is 0, fall by 60 dB in `decay`."""
        level = np.zeros(self.count)
        for note, first, last in self.spans():
            age = np.arange(last - first) * self.seconds
            shape = np.minimum(1, (age + self.seconds / 2) / max(attack, self.seconds))
            level[first:last] = note.velocity * shape * (10 ** (-3 * age / decay) if decay else 1)
        return dsp.smooth(level, max(3, self.points(release)))

    def hertz(self, pitch: np.ndarray) -> np.ndarray:
        """MIDI pitch `(count,)` to Hz per sample `(samples,)`."""
        at = np.arange(self.samples) / dsp.HOP
        return np.interp(at, np.arange(self.count), 440 * 2 ** ((pitch - 69) / 12))

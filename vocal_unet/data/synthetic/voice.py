"""A voice that sings or raps: a gliding, trembling source through a moving tract, with consonants and breath."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from vocal_unet.data.synthetic import dsp
from vocal_unet.data.synthetic.curves import Curves
from vocal_unet.data.synthetic.plan import Note, Plan, make_melody, make_rap
from vocal_unet.data.synthetic.tract import NASALS, VOWELS, formant_gains, hiss_gains


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
    scoop: float
    """Semitones a note may begin below its pitch."""
    vibrato_rate: float
    vibrato_depth: float
    vibrato_delay: float
    """In Hz, semitones and seconds."""
    breath: float
    consonants: float
    """Share of the notes that begin with one."""
    brightness: float
    """Tilt in dB per octave."""
    ring: float
    """The singer's formant around 3 kHz, in dB."""
    rough: float
    """How much pitch (in semitones) and loudness tremble from one period to the next."""
    growl: float
    """Depth of every second period's weakness, in [0, 1]."""
    drive: float
    """Distortion; 0 is clean."""


def make_singer(rng: np.random.Generator) -> Singer:
    """Draw a voice: bass to soprano, dry to breathy, clean to rough, chest or falsetto."""
    height = rng.random()
    low = 40 + 17 * height + rng.uniform(-3, 3)
    singer = Singer(
        low=low,
        high=low + rng.uniform(14, 22),
        tract=0.94 + 0.26 * height + rng.uniform(-0.06, 0.06),
        bandwidth=rng.uniform(0.7, 1.8),
        glide=rng.uniform(0.02, 0.16),
        scoop=rng.uniform(0, 3) * (rng.random() < 0.6),
        vibrato_rate=rng.uniform(4.2, 7.2),
        vibrato_depth=rng.uniform(0, 0.8) * (rng.random() < 0.8),
        vibrato_delay=rng.uniform(0, 0.5),
        breath=10 ** rng.uniform(-2.4, -0.9),
        consonants=rng.uniform(0.4, 0.95),
        brightness=rng.uniform(-5, 2),
        ring=rng.uniform(-3, 12),
        rough=rng.uniform(0, 0.25) * (rng.random() < 0.5),
        growl=rng.uniform(0.2, 0.8) * (rng.random() < 0.15),
        drive=rng.uniform(1, 4) * (rng.random() < 0.25),
    )
    if rng.random() < 0.2:  # falsetto
        singer = dataclasses.replace(
            singer,
            low=singer.low + 9,
            high=singer.high + 9,
            breath=10 ** rng.uniform(-1.6, -0.6),
            brightness=rng.uniform(-9, -4),
            ring=-3.0,
            growl=0.0,
        )
    return singer


def sing(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """The vocals of a song, float32 `(samples, 2)`: a lead, a rapper or a choir, at times doubled, in a room."""
    kind, rest = rng.random(), rng.uniform(0.1, 0.45)
    singer = make_singer(rng)
    if kind < 0.2:
        singer = dataclasses.replace(singer, consonants=rng.uniform(0.7, 1), vibrato_depth=0.0, glide=0.06, scoop=0.0)
        notes = make_rap(plan, singer.low + rng.uniform(4, 9), rest, rng)
    else:
        notes = make_melody(plan, singer.low, singer.high, float(np.exp(rng.uniform(-0.7, 1.1))), rest, rng)
    if kind > 0.9:
        stereo = _choir(plan, singer, notes, rng)
    else:
        stereo = dsp.pan(_voice(plan, singer, notes, rng), float(rng.normal(0, 0.06)))
        if rng.random() < 0.35:
            interval = float(rng.choice([0, 0, -12, 3, 4, 7, -5]))
            level, width = rng.uniform(0.2, 0.7), rng.uniform(0, 0.9)
            for side in (-1, 1):
                stereo += level * dsp.pan(_voice(plan, singer, _moved(notes, interval, rng), rng), side * width)
    if rng.random() < 0.3:
        echo = int(plan.beat * rng.choice([0.5, 0.75, 1.0]) * plan.sample_rate)
        delayed = rng.uniform(0.1, 0.4) * stereo[: max(0, len(stereo) - echo)]
        stereo[len(stereo) - len(delayed) :] += delayed
    return dsp.reverberate(stereo, plan.sample_rate, rng.uniform(0.3, 2.2), 10 ** rng.uniform(-1.6, -0.4), rng)


def _choir(plan: Plan, singer: Singer, notes: list[Note], rng: np.random.Generator) -> np.ndarray:
    """Four or five singers in parallel, float32 `(samples, 2)`, spread over the stereo field."""
    stereo = np.zeros((plan.samples, 2), np.float32)
    chords = ((0, 0, 0, 0), (0, 0, 12, 12), (0, 4, 7, 12), (0, 3, 7, -12), (0, -5, 0, -5))
    for interval in chords[rng.integers(len(chords))][: int(rng.integers(3, 5))]:
        member = dataclasses.replace(
            singer,
            tract=singer.tract * 2 ** (interval / 60) * rng.uniform(0.93, 1.07),
            vibrato_rate=singer.vibrato_rate * rng.uniform(0.9, 1.1),
            brightness=singer.brightness + rng.uniform(-1, 1),
        )
        voice = _voice(plan, member, _moved(notes, interval, rng), rng)
        stereo += dsp.pan(voice, float(rng.uniform(-0.8, 0.8)))
    # The balance stays near the middle, wherever the singers stand.
    return stereo * (np.sqrt(np.mean(stereo**2)) / np.sqrt(np.mean(stereo**2, axis=0) + 1e-12)).astype(np.float32)


def _moved(notes: list[Note], interval: float, rng: np.random.Generator) -> list[Note]:
    """The same tune as another singer, or the same one once more, sings it."""
    off = rng.normal(0, 0.08)
    return [
        Note(n.start + rng.normal(0, 0.012), n.duration, n.pitch + interval + off + rng.normal(0, 0.05), n.velocity)
        for n in notes
    ]


@dataclass(frozen=True)
class _Speech:
    """What the mouth does: curves `(count,)`, formants `(count, 3)` in Hz."""

    voiced: np.ndarray
    hiss: np.ndarray
    hiss_centre: np.ndarray
    hiss_width: np.ndarray
    formants: np.ndarray


def _articulate(curves: Curves, singer: Singer, rng: np.random.Generator) -> _Speech:
    """A syllable for each note: at times a consonant, then one vowel or a way from one to another."""
    count = curves.count
    voiced = curves.loudness(0.02, 0.0, 0.04)
    hiss, centre, width = np.zeros(count), np.full(count, 6000.0), np.ones(count)
    formants: np.ndarray = np.zeros((count, 3))
    formants[:] = VOWELS[rng.integers(len(VOWELS))]

    def noise(first: int, seconds: float, level: float, low: float, high: float, octaves: float) -> None:
        place = slice(max(0, first), max(0, first) + max(1, curves.points(seconds)))
        hiss[place] = level
        centre[place] = np.exp(rng.uniform(np.log(low), np.log(high)))
        width[place] = octaves

    before = 0
    for note, first, last in curves.spans():
        vowels = VOWELS[rng.integers(len(VOWELS), size=2 if rng.random() < 0.4 else 1)]
        formants[first:] = vowels[-1]
        if len(vowels) == 2:
            turn = rng.uniform(0.1, 0.6)
            share = np.clip((np.linspace(0, 1, last - first) - turn) / (1 - turn), 0, 1)[:, None]
            formants[first:last] = vowels[0] * (1 - share) + vowels[1] * share
        if first - before > curves.points(0.5) and rng.random() < 0.5:
            noise(first - curves.points(0.3), 0.22, 10 ** rng.uniform(-2, -1) * note.velocity, 1200, 3500, 2.0)
        if rng.random() < singer.consonants:
            kind, length = rng.random(), rng.uniform(0.03, 0.14)
            gap = slice(max(0, first - curves.points(length)), first + 1)
            if kind < 0.4:  # s, f, sh; voiced ones hum on
                voiced[gap] *= rng.choice([0.0, 0.0, 0.3])
                noise(
                    gap.start, length, 10 ** rng.uniform(-1.3, 0) * note.velocity, 2200, 10_500, rng.uniform(0.6, 1.4)
                )
            elif kind < 0.75:  # p, t, k: silence, a burst, breath
                voiced[gap] = 0
                noise(first, 0.012, 10 ** rng.uniform(-1, 0) * note.velocity, 800, 6000, 1.6)
                noise(
                    first + 1, rng.uniform(0.01, 0.06), 10 ** rng.uniform(-1.7, -0.7) * note.velocity, 1500, 6000, 1.8
                )
            else:  # m, n, l
                voiced[gap] = rng.uniform(0.2, 0.5) * note.velocity
                formants[gap] = NASALS[rng.integers(len(NASALS))]
        if rng.random() < 0.15 * singer.consonants:
            noise(last - 2, rng.uniform(0.04, 0.15), 10 ** rng.uniform(-1.5, -0.3) * note.velocity, 3000, 9500, 0.9)
        before = last
    formants = np.stack([dsp.smooth(formants[:, i], 7) for i in range(3)], axis=1) * singer.tract
    return _Speech(dsp.smooth(voiced, 3), hiss, centre, width, formants)


def _voice(plan: Plan, singer: Singer, notes: list[Note], rng: np.random.Generator) -> np.ndarray:
    """One voice, float32 `(samples,)`."""
    curves = Curves(plan, notes)
    speech = _articulate(curves, singer, rng)
    pitch = curves.pitch(singer.glide, singer.scoop, rng) + 0.1 * dsp.wander(curves.count, 40, rng)
    pitch += curves.vibrato(singer.vibrato_rate, singer.vibrato_depth, singer.vibrato_delay, rng)
    pitch += singer.rough * dsp.wander(curves.count, 3, rng)
    voiced = speech.voiced * (1 + 0.12 * dsp.wander(curves.count, 20, rng))
    voiced *= np.maximum(0, 1 + singer.rough * dsp.wander(curves.count, 3, rng))
    hertz = curves.hertz(pitch)
    source = dsp.sawtooth(hertz, plan.sample_rate, rng)
    if singer.growl:
        turns = np.cumsum(hertz / 2) / plan.sample_rate
        source *= (1 - singer.growl * (0.5 + 0.5 * np.sin(2 * np.pi * turns))).astype(np.float32)
    envelope = formant_gains(plan.sample_rate, speech.formants, singer.tract, singer.bandwidth, singer.ring)
    envelope *= dsp.tilt(plan.sample_rate, singer.brightness).astype(np.float32)
    band = hiss_gains(plan.sample_rate, speech.hiss_centre, speech.hiss_width)
    breath = 0.3 * singer.breath * voiced[:, None] * (envelope + 0.1)
    frames = dsp.spectra(source) * (envelope * voiced[:, None]).astype(np.float32)
    noisy = (breath + 0.3 * speech.hiss[:, None] * band).astype(np.float32)
    frames += dsp.spectra(dsp.noise(plan.samples, rng)) * noisy
    frames *= dsp.high_pass(plan.sample_rate, rng.uniform(70, 160))
    voice = dsp.from_spectra(frames, plan.samples)
    if singer.drive:
        voice = np.tanh(voice * np.float32(singer.drive / (4 * voice.std() + 1e-9)))
    return voice / (np.sqrt(np.mean(voice**2)) + 1e-9)

"""The drums of a generated song: a kit of single strokes, and patterns that place them."""

from __future__ import annotations

import numpy as np

from vocal_unet.data.synthetic import dsp
from vocal_unet.data.synthetic.plan import Plan

# Strokes per sixteenth of a bar; x is always there, digits are chances in tenths.
_KICKS = ("x...x...x...x...", "x.....x.x.......", "x..x..x.....x...", "x.......x.2.....", "x..3....x.5...2.")
_SNARES = ("....x.......x...", "....x..2....x..3", "........x.......", "....x.......x.3x", "................")
_CLAPS = ("....x.......x...", "....x.......x..2", "x...x...x...x...", "..2...3...2...3.")
_SHAKERS = ("xxxxxxxxxxxxxxxx", "x.xxx.xxx.xxx.xx", "x.x.x.x.x.x.x.x.")
_HATS = ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "..x...x...x...x.", "x...x...x...x...", "x2x3x2x3x2x3x2x3")


def play_drums(plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """The drums, float32 `(samples, 2)`: kick and snare in the middle, hats, cymbals and toms around."""
    rate = plan.sample_rate
    stereo = np.zeros((plan.samples, 2), np.float32)
    strokes = [
        (_kick(rate, rng), rng.choice(_KICKS), 1.0, 0.0),
        (_snare(rate, rng), rng.choice(_SNARES), rng.uniform(0.4, 1.1), rng.normal(0, 0.1)),
        (_cymbal(rate, rng, rng.uniform(0.02, 0.12)), rng.choice(_HATS), rng.uniform(0.1, 0.5), rng.uniform(-0.7, 0.7)),
        (_cymbal(rate, rng, rng.uniform(0.3, 1.5)), "2.....1.1...1...", rng.uniform(0.1, 0.5), rng.uniform(-0.8, 0.8)),
        (_tom(rate, rng), "............1222", rng.uniform(0.3, 0.9), rng.uniform(-0.8, 0.8)),
    ]
    # Claps, shakers and open hats are what consonants are most easily taken for.
    if rng.random() < 0.35:
        strokes.append((_clap(rate, rng), rng.choice(_CLAPS), rng.uniform(0.3, 1.0), rng.normal(0, 0.2)))
    if rng.random() < 0.35:
        strokes.append((_shaker(rate, rng), rng.choice(_SHAKERS), rng.uniform(0.05, 0.3), rng.uniform(-0.8, 0.8)))
    if rng.random() < 0.35:
        open_hat = _cymbal(rate, rng, rng.uniform(0.15, 0.5))
        strokes.append((open_hat, "..x...x...x...x.", rng.uniform(0.1, 0.4), rng.uniform(-0.6, 0.6)))
    for stroke, pattern, level, position in strokes:
        _place(plan, stereo, dsp.pan(level * stroke, position), str(pattern), rng)
    if rng.random() < 0.6:
        stereo = dsp.reverberate(stereo, rate, rng.uniform(0.2, 1.0), 10 ** rng.uniform(-1.6, -0.6), rng)
    return stereo


def _place(plan: Plan, stereo: np.ndarray, stroke: np.ndarray, pattern: str, rng: np.random.Generator) -> None:
    """Add a stroke `(samples, 2)` wherever the pattern has it."""
    for bar in range(plan.bars):
        for sixteenth, chance in enumerate(pattern):
            if chance == "." or (chance != "x" and rng.random() >= int(chance) / 10):
                continue
            first = int((plan.time(4 * bar + sixteenth / 4) + abs(rng.normal(0, 0.004))) * plan.sample_rate)
            piece = stroke[: max(0, plan.samples - first)]
            stereo[first : first + len(piece)] += np.float32(rng.uniform(0.6, 1)) * piece


def _decay(rate: int, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Time in seconds and an envelope that falls by 60 dB in `seconds`; both `(samples,)`."""
    time = np.arange(int(seconds * rate)) / rate
    return time, 10 ** (-3 * time / seconds) * np.minimum(time / 0.001, 1)


def _sweep(rate: int, seconds: float, start: float, end: float, bend: float) -> np.ndarray:
    """A sine that falls from `start` to `end` Hz with time constant `bend` seconds."""
    time, envelope = _decay(rate, seconds)
    return envelope * np.sin(2 * np.pi * (end * time + (start - end) * bend * (1 - np.exp(-time / bend))))


def _kick(rate: int, rng: np.random.Generator) -> np.ndarray:
    low = rng.uniform(40, 75)
    body = _sweep(rate, rng.uniform(0.2, 0.7), rng.uniform(120, 500), low, rng.uniform(0.01, 0.05))
    click = dsp.noise(len(body), rng) * 10 ** (-3 * np.arange(len(body)) / rate / rng.uniform(0.005, 0.03))
    return np.tanh((body + rng.uniform(0.02, 0.4) * click) * rng.uniform(1, 3)).astype(np.float32)


def _snare(rate: int, rng: np.random.Generator) -> np.ndarray:
    seconds = rng.uniform(0.1, 0.5)
    _, envelope = _decay(rate, seconds)
    gains = dsp.high_pass(rate, rng.uniform(200, 1800)) * dsp.low_pass(rate, rng.uniform(4000, 16000))
    rattle = dsp.equalise(dsp.noise(len(envelope), rng), gains) * envelope
    skin = rng.uniform(150, 300)
    body = _sweep(rate, rng.uniform(0.06, 0.2), 1.5 * skin, skin, 0.02)[: len(rattle)]
    rattle[: len(body)] += rng.uniform(0.1, 0.8) * body
    return rattle.astype(np.float32)


def _cymbal(rate: int, rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Noise with a metallic ring: six inharmonic squares, as in the drum machines of the eighties."""
    time, envelope = _decay(rate, seconds)
    partials = rng.uniform(300, 900, 6)
    metal = np.sign(np.sin(2 * np.pi * partials[:, None] * time)).sum(axis=0) / 6
    mix = rng.uniform(0, 0.7)
    sound = mix * metal + (1 - mix) * dsp.noise(len(time), rng)
    gains = dsp.high_pass(rate, rng.uniform(3000, 9000), 3)
    return (dsp.equalise(sound.astype(np.float32), gains) * envelope).astype(np.float32)


def _tom(rate: int, rng: np.random.Generator) -> np.ndarray:
    low = rng.uniform(70, 200)
    return _sweep(rate, rng.uniform(0.2, 0.6), 1.6 * low, low, 0.05).astype(np.float32)


def _clap(rate: int, rng: np.random.Generator) -> np.ndarray:
    """Several hands at nearly the same time, then the room."""
    time, envelope = _decay(rate, rng.uniform(0.15, 0.5))
    hands = np.zeros(len(time))
    for late in np.cumsum(rng.uniform(0.006, 0.014, int(rng.integers(2, 5)))):
        hands += np.where(time >= late, np.exp(-np.maximum(time - late, 0) / 0.004), 0)
    gains = dsp.high_pass(rate, rng.uniform(500, 1100)) * dsp.low_pass(rate, rng.uniform(2000, 9000))
    noisy = dsp.noise(len(time), rng) * (hands + rng.uniform(0.2, 0.6) * envelope * (time > 0.03))
    return dsp.equalise(noisy.astype(np.float32), gains)


def _shaker(rate: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(int(rng.uniform(0.05, 0.14) * rate)) / rate
    swell = np.sin(np.pi * (time / time[-1]) ** rng.uniform(0.5, 1.5)) ** 2
    gains = dsp.high_pass(rate, rng.uniform(2500, 7000)) * dsp.low_pass(rate, rng.uniform(8000, 16_000))
    return (dsp.equalise(dsp.noise(len(time), rng), gains) * swell).astype(np.float32)

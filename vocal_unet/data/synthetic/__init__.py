"""Songs made of nothing but random numbers: training and test material that needs no download and no licence."""

from __future__ import annotations

import dataclasses

import numpy as np

from vocal_unet.data.synthetic.band import play_bass, play_others
from vocal_unet.data.synthetic.drums import play_drums
from vocal_unet.data.synthetic.plan import Plan, make_plan
from vocal_unet.data.synthetic.voice import sing

STEMS = ("vocals", "drums", "bass", "other")
_FADE = 0.1
"""Seconds in which a section dies away under the next one."""

__all__ = ["STEMS", "generate_song"]


def generate_song(seed: int, seconds: float, sample_rate: int = 44100) -> dict[str, np.ndarray]:
    """Make a song: a voice that sings vowels and hisses consonants over drums, bass and chords.

    Tempo, key and chords are drawn from the seed, and for each section of 10 to 20 s melody, voice, instruments, places in
    the stereo field, rooms and levels, as if verse, chorus and bridge had other singers and players: a few songs hold many
    voices. Songs shorter than 15 s are one section. In each, the vocals' energy lies 3 to 10 dB below that of the rest, as in
    popular music; the sum of the stems peaks between 0.3 and 0.95 of full scale.

    Args:
        seed: the same seed, length and rate give the same song.
        seconds: length.
        sample_rate: Hz.

    Returns:
        float32 `(samples, 2)` for each of `STEMS`, samples = round(seconds * sample_rate).
    """
    rng = np.random.default_rng(seed)
    plan = make_plan(round(seconds * sample_rate), sample_rate, rng)
    stems = {stem: np.zeros((plan.samples, 2), np.float32) for stem in STEMS}
    starts = plan.section_starts()
    for start, end in zip(starts, [*starts[1:], plan.samples], strict=True):
        fade = min(round(_FADE * sample_rate), plan.samples - end)
        section = _play(dataclasses.replace(plan, samples=end + fade - start), rng)
        for stem in STEMS:
            section[stem][end - start :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
            stems[stem][start : end + fade] += section[stem]
    peak = np.max(np.abs(np.sum(list(stems.values()), axis=0)), initial=1e-9)
    loudness = np.float32(rng.uniform(0.3, 0.95) / peak)
    return {stem: waveform * loudness for stem, waveform in stems.items()}


def _play(plan: Plan, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One section with singers and instruments of its own, at whatever loudness."""
    players = {"vocals": sing, "drums": play_drums, "bass": play_bass, "other": play_others}
    stems = {stem: _unit(players[stem](plan, rng)) for stem in STEMS}
    for stem, loudest, quietest in (("drums", 2, -8), ("bass", 0, -8), ("other", 3, -5)):
        stems[stem] *= _factor(rng.uniform(quietest, loudest))
    rest = _unit_scale(stems["drums"] + stems["bass"] + stems["other"])
    stems["vocals"] *= _factor(rng.uniform(-10, -3))
    for stem in STEMS[1:]:
        stems[stem] *= rest
    return stems


def _factor(decibels: float) -> np.float32:
    return np.float32(10 ** (decibels / 20))


def _unit_scale(waveform: np.ndarray) -> np.float32:
    """What brings a waveform to a root mean square of one; silence stays silence."""
    energy = np.mean(np.square(waveform, dtype=np.float64)) if waveform.size else 0.0
    return np.float32(1 / np.sqrt(energy)) if energy > 1e-16 else np.float32(0)


def _unit(waveform: np.ndarray) -> np.ndarray:
    return waveform * _unit_scale(waveform)

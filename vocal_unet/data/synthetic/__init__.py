"""Songs made of nothing but random numbers: training and test material that needs no download and no licence."""

from __future__ import annotations

import numpy as np

from vocal_unet.data.synthetic.band import play_bass, play_others
from vocal_unet.data.synthetic.drums import play_drums
from vocal_unet.data.synthetic.plan import make_plan
from vocal_unet.data.synthetic.voice import sing

STEMS = ("vocals", "drums", "bass", "other")

__all__ = ["STEMS", "generate_song"]


def generate_song(seed: int, seconds: float, sample_rate: int = 44100) -> dict[str, np.ndarray]:
    """Make a song: a voice that sings vowels and hisses consonants over drums, bass and chords.

    Tempo, key, chords, melody, voice, instruments, places in the stereo field, rooms and levels are all drawn from the
    seed. The vocals' energy lies 3 to 10 dB below that of the rest, as in popular music; the sum of the stems peaks
    between 0.3 and 0.95 of full scale.

    Args:
        seed: the same seed, length and rate give the same song.
        seconds: length.
        sample_rate: Hz.

    Returns:
        float32 `(samples, 2)` for each of `STEMS`, samples = round(seconds * sample_rate).
    """
    rng = np.random.default_rng(seed)
    plan = make_plan(round(seconds * sample_rate), sample_rate, rng)
    players = {"vocals": sing, "drums": play_drums, "bass": play_bass, "other": play_others}
    stems = {stem: _unit(players[stem](plan, rng)) for stem in STEMS}
    for stem, loudest, quietest in (("drums", 2, -8), ("bass", 0, -8), ("other", 3, -5)):
        stems[stem] *= _factor(rng.uniform(quietest, loudest))
    rest = _unit_scale(stems["drums"] + stems["bass"] + stems["other"])
    stems["vocals"] *= _factor(rng.uniform(-10, -3))
    for stem in STEMS[1:]:
        stems[stem] *= rest
    peak = np.max(np.abs(np.sum(list(stems.values()), axis=0)), initial=1e-9)
    loudness = np.float32(rng.uniform(0.3, 0.95) / peak)
    return {stem: waveform * loudness for stem, waveform in stems.items()}


def _factor(decibels: float) -> np.float32:
    return np.float32(10 ** (decibels / 20))


def _unit_scale(waveform: np.ndarray) -> np.float32:
    """What brings a waveform to a root mean square of one; silence stays silence."""
    energy = np.mean(np.square(waveform, dtype=np.float64)) if waveform.size else 0.0
    return np.float32(1 / np.sqrt(energy)) if energy > 1e-16 else np.float32(0)


def _unit(waveform: np.ndarray) -> np.ndarray:
    return waveform * _unit_scale(waveform)

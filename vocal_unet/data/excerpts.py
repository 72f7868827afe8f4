"""What validation listens to: fixed, plain excerpts of the songs that are kept for it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vocal_unet.config import Framing, TrainConfig
from vocal_unet.data.effects import apply_gain
from vocal_unet.data.songs import CHANNELS, Song
from vocal_unet.data.sources import SongSet
from vocal_unet.data.stored import StoredStems
from vocal_unet.errors import DataError

ACTIVE_DB = -30.0
"""An excerpt whose target is quieter than this against the song's loudest is taken only if there is no other: a ratio to next
to nothing says next to nothing."""


def excerpt_samples(framing: Framing) -> int:
    """Length of an excerpt: with the zeros that Spleeter's framing puts in front it fills one segment exactly."""
    return framing.segment_step - framing.frame_length


def validation_excerpts(songs: SongSet, config: TrainConfig) -> np.ndarray:
    """`validation_excerpts` excerpts, evenly spread over the songs and, where the target sounds, within each.

    Args:
        songs: those kept for validation. Where none has both target and accompaniment, recordings are paired in order.
        config: framing, target, its gain, number of excerpts.

    Returns:
        Mixture and target, float32 `(excerpts, 2, samples, channels)`; the same every time.

    Raises:
        DataError: the songs hold no target, or nothing else.
        AudioError: a song cannot be read.
    """
    length = excerpt_samples(config.framing)
    excerpts = np.empty((config.validation_excerpts, 2, length, CHANNELS), np.float32)
    for excerpt, made in zip(excerpts, _evenly_spaced(songs, config, length), strict=True):
        excerpt[:] = made
    return excerpts


def validation_pairs(songs: SongSet, target: str) -> list[tuple[Song, Song]]:
    """Which song gives the target and which the accompaniment of a validation example: the same wherever it has both."""
    whole = [song for song in songs.songs if target in song.stem_names and len(song.stem_names) > 1]
    if whole:
        return [(song, song) for song in whole]
    targets = [song for song in songs.songs if target in song.stem_names]
    others = [song for song in songs.songs if target not in song.stem_names]
    if not targets or not others:
        raise DataError(f"validation needs {target} and something else; give more songs or recordings")
    return [(one, others[index % len(others)]) for index, one in enumerate(targets)]


def _evenly_spaced(songs: SongSet, config: TrainConfig, length: int) -> Iterator[np.ndarray]:
    """Mixture and target, float32 `(2, samples, channels)`; each song is decoded once."""
    pairs = validation_pairs(songs, config.target)
    for number, (one, other) in enumerate(pairs):
        count = len(range(number, config.validation_excerpts, len(pairs)))
        if not count:
            return
        voice = one.stored()
        rest = voice if other is one else other.stored()
        for index, start in enumerate(_starts(voice, config.target, count, length)):
            position = start if other is one else int((index + 0.5) / count * max(0, rest.samples - length))
            yield _plain(voice, rest, (start, position), config, length)


def _starts(song: StoredStems, target: str, count: int, length: int) -> list[int]:
    """Where `count` excerpts begin: evenly over those places, a quarter of an excerpt apart, where the target sounds."""
    candidates = np.arange(0, max(0, song.samples - length) + 1, max(1, length // 4))
    power = np.array([np.mean(song.read([target], int(start), length) ** 2) for start in candidates])
    active = candidates[power >= power.max() * 10 ** (ACTIVE_DB / 10)]
    return [int(active[int((index + 0.5) / count * len(active))]) for index in range(count)]


def _plain(
    voice: StoredStems, rest: StoredStems, starts: tuple[int, int], config: TrainConfig, length: int
) -> np.ndarray:
    target = apply_gain(voice.read([config.target], starts[0], length)[0], config.vocals_gain_db)
    others = rest.read([stem for stem in rest.names if stem != config.target], starts[1], length)
    return np.stack([target + others.sum(axis=0), target])

"""Keeps the songs that are in use in bounded memory; where they do not all fit, they take turns in a seeded order."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from vocal_unet.data.songs import Song
from vocal_unet.data.stored import StoredStems
from vocal_unet.errors import DataError, VocalUnetError

EXAMPLES_PER_SONG = 64
"""How many examples one song stays in turn before the next replaces it: with batches of 8, one song is decoded per 8 steps."""
_AHEAD = 2
"""Songs beyond the turn that memory must have room for: the next one, and one a slower thread still reads."""


class Shelf:
    """Songs by a number in [0, 1) and the index of the example that wants one; which song that is depends on nothing else.

    Args:
        songs: at least one.
        budget: bytes decoded songs may take.
        seed: of the order in which songs take turns.
        skip: put the next song in place of one that turns out to be damaged, instead of raising.
        workers: threads that decode.
    """

    def __init__(self, songs: Sequence[Song], budget: int, seed: Sequence[int], *, skip: bool, workers: int) -> None:
        self.songs = songs
        self.bad: dict[str, str] = {}
        self._seed, self._skip = list(seed), skip
        largest = max(song.resident_bytes() for song in songs)
        total = sum(song.resident_bytes() for song in songs)
        fitting = len(songs) if total <= budget else max(2, budget // max(largest, 1) - _AHEAD)
        self.turn = min(fitting, len(songs))
        """How many songs are in use at a time."""
        self._capacity = len(songs) if self.turn == len(songs) else self.turn + _AHEAD
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="songs")
        self._lock = threading.Lock()
        self._shelf: OrderedDict[int, Future[StoredStems]] = OrderedDict()

    def preload(self, example: int, progress: Callable[[], None] | None = None) -> None:
        """Decode the songs that example number `example` draws from."""
        wanted = [self._song_at(example, place) for place in range(self.turn)]
        for index in wanted:
            self._fetch(index)
        for index in wanted:
            self._load(index)
            if progress:
                progress()

    def take(self, draw: float, example: int) -> StoredStems:
        """The song that `draw` picks among those whose turn it is.

        Raises:
            AudioError, DataError: it cannot be read (unless `skip`), or no song can be read at all.
        """
        if self.turn < len(self.songs):
            self._fetch(self._song_at(example, self.turn))  # the next in turn, in the background
        return self._load(self._song_at(example, int(draw * self.turn)))

    def _song_at(self, example: int, place: int) -> int:
        count = len(self.songs)
        if self.turn == count:
            return place % count
        position = example // EXAMPLES_PER_SONG + place
        order = np.random.default_rng([*self._seed, position // count]).permutation(count)
        return int(order[position % count])

    def _fetch(self, index: int) -> Future[StoredStems]:
        with self._lock:
            if index not in self._shelf:
                self._shelf[index] = self._pool.submit(self.songs[index].stored)
            self._shelf.move_to_end(index)
            while len(self._shelf) > self._capacity:
                self._shelf.popitem(last=False)
            return self._shelf[index]

    def _load(self, index: int) -> StoredStems:
        for candidate in range(index, index + len(self.songs)):
            song = self.songs[candidate % len(self.songs)]
            try:
                return self._fetch(candidate % len(self.songs)).result()
            except VocalUnetError as error:
                if not self._skip:
                    raise
                if song.name not in self.bad:
                    self.bad[song.name] = str(error)
                    warnings.warn(f"left out {song.name}: {error}", stacklevel=2)
        raise DataError(
            f"none of {len(self.songs)} songs can be read; the first fault: {next(iter(self.bad.values()))}"
        )

"""One training example as a pure function of the seed and its index: which songs, where, and what is done to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vocal_unet.config import TrainConfig
from vocal_unet.data import effects
from vocal_unet.data.chain import augment_target, between, make_buses, mix_levels, produce, set_fader
from vocal_unet.data.levels import active_share, balance
from vocal_unet.data.masking import draw_block
from vocal_unet.data.shelf import Shelf
from vocal_unet.data.sources import SongSet
from vocal_unet.data.stored import StoredStems, store
from vocal_unet.data.warp import resampling_lengths, shift_pitch, stretch_time, stretching_length
from vocal_unet.errors import DataError, VocalUnetError

_MEGABYTE = 1 << 20
_MOST_DRAWS = 4
_MOST_PIECES = 6


@dataclass(frozen=True)
class _Supply:
    """The sources that hold something, and the share of each."""

    shelves: tuple[Shelf, ...]
    shares: tuple[float, ...]

    def take(self, index: int, rng: np.random.Generator) -> StoredStems:
        shelf = self.shelves[int(np.searchsorted(np.cumsum(self.shares), rng.random() * sum(self.shares), "right"))]
        return shelf.take(rng.random(), index)


class Examples:
    """Makes training examples; the same for the same songs, settings and index, in any order and from any thread.

    Args:
        songs: usable songs; each source holds either whole songs or recordings of one stem.
        config: target, crop length, augmentation, seed, memory.

    Raises:
        DataError: no song has the target, or none has anything else.
    """

    def __init__(self, songs: SongSet, config: TrainConfig) -> None:
        self.config = config
        self.samples = (config.crop_frames - 1) * config.framing.frame_step + config.framing.frame_length
        self.error: VocalUnetError | None = None
        """What went wrong; TensorFlow would bury it in a report of its own."""
        target = config.target
        parts: list[tuple[Shelf, float, bool, bool]] = []
        sizes = [max(1, sum(song.resident_bytes() for song in source.songs)) for source in songs.sources]
        workers = max(1, (os.cpu_count() or 1) // len(sizes))
        for number, (source, size) in enumerate(zip(songs.sources, sizes, strict=True)):
            budget = config.memory_mb * _MEGABYTE * size // sum(sizes)
            shelf = Shelf(source.songs, budget, [config.seed, number], skip=config.bad_songs == "skip", workers=workers)
            stems = {stem for song in source.songs for stem in song.stem_names}
            parts.append((shelf, source.weight, target in stems, bool(stems - {target})))
        self.shelves = tuple(part[0] for part in parts)
        self._targets = _Supply(*_columns([part for part in parts if part[2]]))
        self._others = _Supply(*_columns([part for part in parts if part[3]]))
        if not self._targets.shelves or not self._others.shelves:
            raise DataError(f"the songs hold {'nothing but' if self._targets.shelves else 'no'} {target}")

    def preload(self, first_index: int = 0, progress: Callable[[], None] | None = None) -> None:
        """Decode the songs that are needed first; `progress` is called after each of `songs_at_once`."""
        for shelf in self.shelves:
            shelf.preload(first_index, progress)

    @property
    def songs_at_once(self) -> int:
        """How many songs are kept in memory, or mapped, at a time."""
        return sum(shelf.turn for shelf in self.shelves)

    @property
    def left_out(self) -> dict[str, str]:
        """Songs that turned out to be damaged, with the reason (only with `bad_songs=skip`)."""
        return {name: reason for shelf in self.shelves for name, reason in shelf.bad.items()}

    def __call__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Example number `index`.

        Returns:
            Mixture and target, float32 `(2, samples, channels)`; start and width of the masked frames and bins, int32 `(4,)`.
        """
        try:
            return self._make(index)
        except VocalUnetError as error:
            self.error = error
            raise

    def _make(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        # Two sequences, so that what is done to the sound does not depend on how the songs were picked.
        picks, rng = (np.random.default_rng([self.config.seed, index, stage]) for stage in range(2))
        augment = self.config.augment
        voice, others = self._pick(index, picks, rng)
        voice = produce(augment_target(voice, augment, rng), augment, rng)
        rest = np.sum([produce(bus, augment, rng) for bus in others], axis=0)
        if rng.random() < augment.rest_only:
            voice = np.zeros_like(voice)
        elif rng.random() < augment.target_only:
            rest = np.zeros_like(rest)
        stems = mix_levels(np.stack([voice, rest]), augment, rng)
        target = effects.apply_gain(stems[0], self.config.vocals_gain_db)
        mixture = target + stems[1]
        if rng.random() < augment.noise:
            mixture = effects.add_noise(mixture, between(augment.noise_db, rng), rng)
        example, masks = np.stack([mixture, target]), self._masks(rng)
        if rng.random() < augment.silence:
            example = effects.silence_one_side(example, rng)
        return example, masks

    def _pick(
        self, index: int, picks: np.random.Generator, rng: np.random.Generator
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """The target and one or more buses of its accompaniment, each float32 `(samples, channels)`."""
        augment, target = self.config.augment, self.config.target
        one = self._targets.take(index, picks)
        others = [stem for stem in one.names if stem != target]
        if others and picks.random() >= augment.cross_mixing:
            voice, *rest = self._excerpt(one, [target, *self._some(others, picks)], picks, rng)
        else:
            if not others and one.samples < self.samples and picks.random() < augment.active_crops:
                one = self._string_together(one, index, picks)
            (voice,) = self._excerpt(one, [target], picks, rng)
            parts = self._accompaniment(index, picks)
            rest = [bus for song, names in parts for bus in self._excerpt(song, names, picks, rng)]
        if picks.random() < augment.second_target:
            (second,) = self._excerpt(self._targets.take(index, picks), [target], picks, rng)
            voice = voice + balance(second, voice, between(augment.second_target_db, rng))
        return voice, rest

    def _accompaniment(self, index: int, picks: np.random.Generator) -> list[tuple[StoredStems, list[str]]]:
        """One song or two, and which of their stems."""
        songs = [self._others.take(index, picks)]
        names = [stem for stem in songs[0].names if stem != self.config.target]
        if picks.random() >= self.config.augment.stem_mixing:
            return [(songs[0], self._some(names, picks))]
        songs.append(self._others.take(index, picks))
        # Of drums, bass and so on, one each, from either song.
        kept = [name for name in names if picks.random() < 0.5]
        names = kept + [stem for stem in songs[1].names if stem != self.config.target and stem not in kept]
        names = self._some(names, picks)
        chosen = [[n for n in names if n in kept], [n for n in names if n not in kept]]
        return [(song, some) for song, some in zip(songs, chosen, strict=True) if some]

    def _some(self, names: Sequence[str], picks: np.random.Generator) -> list[str]:
        """The names that `stem_dropout` leaves, at least one."""
        draws = picks.random(len(names))
        least = min(self.config.augment.stem_dropout, draws.max())
        return [name for name, draw in zip(names, draws, strict=True) if draw >= least]

    def _string_together(self, first: StoredStems, index: int, picks: np.random.Generator) -> StoredStems:
        """A few short recordings of the target, one after the other, until they last as long as an example."""
        pieces = [first.read([self.config.target], 0, first.samples)]
        while len(pieces) < _MOST_PIECES and sum(piece.shape[1] for piece in pieces) < self.samples:
            more = self._targets.take(index, picks)
            length = min(more.samples, self.samples)
            start = int(picks.integers(0, more.samples - length + 1))
            pieces.append(more.read([self.config.target], start, length))
        return store({self.config.target: np.concatenate(pieces, axis=1)[0]})[1]

    def _excerpt(
        self, song: StoredStems, names: Sequence[str], picks: np.random.Generator, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """A random part of some stems of a song, all at the same pitch and tempo.

        Returns:
            The target, if it is the first of `names`, and the buses of all others, each float32 `(samples, channels)`.
        """
        augment, samples = self.config.augment, self.samples
        semitones = rng.uniform(-1, 1) * augment.pitch_semitones if rng.random() < augment.pitch_shift else 0.0
        factor = between(augment.stretch_factors, rng) if rng.random() < augment.time_stretch else 1.0
        needed = stretching_length(samples, factor) if factor != 1 else samples
        taken = resampling_lengths(needed, semitones)[0] if semitones else needed
        targets = int(names[0] == self.config.target)
        stems = self._part(song, names, targets or len(names), taken, picks)
        stems = np.stack([set_fader(stem, augment, rng) for stem in stems])
        if len(names) > targets:
            stems = np.concatenate([stems[:targets], make_buses(stems[targets:], rng)])
        if semitones:
            stems = shift_pitch(stems, needed, semitones)
        if factor != 1:
            stems = stretch_time(stems, samples, factor)
        return list(stems)

    def _part(
        self, song: StoredStems, names: Sequence[str], judged: int, samples: int, picks: np.random.Generator
    ) -> np.ndarray:
        """Some stems from a random place on, float32 `(stems, samples, channels)`.

        Where `active_crops` says so, it is a place where one of the first `judged` stems is heard at least half of the time,
        if a few draws find one.
        """
        # A recording shorter than the excerpt lies anywhere in it.
        ends = sorted((0, song.samples - samples))
        insist = song.samples > samples and picks.random() < self.config.augment.active_crops
        best, most = np.empty(0), -1.0
        for _ in range(_MOST_DRAWS if insist else 1):
            stems = song.read(names, int(picks.integers(ends[0], ends[1] + 1)), samples)
            share = max(active_share(stem, song.peak(n)) for stem, n in zip(stems[:judged], names, strict=False))
            if share > most:
                best, most = stems, share
            if most >= 0.5:
                break
        return best

    def _masks(self, rng: np.random.Generator) -> np.ndarray:
        augment, masks = self.config.augment, [0, 0, 0, 0]
        if rng.random() < augment.time_mask:
            masks[:2] = draw_block(self.config.crop_frames, augment.time_mask_frames, rng)
        if rng.random() < augment.frequency_mask:
            masks[2:] = draw_block(self.config.framing.bins, augment.frequency_mask_bins, rng)
        return np.array(masks, np.int32)


def _columns(parts: Sequence[tuple[Shelf, float, bool, bool]]) -> tuple[tuple[Shelf, ...], tuple[float, ...]]:
    return tuple(part[0] for part in parts), tuple(part[1] for part in parts)

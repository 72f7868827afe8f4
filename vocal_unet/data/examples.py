"""One training example as a pure function of the seed and its index: which songs, where, and what is done to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vocal_unet.config import AugmentConfig, TrainConfig
from vocal_unet.data import effects
from vocal_unet.data.masking import draw_block
from vocal_unet.data.shelf import Shelf
from vocal_unet.data.sources import SongSet
from vocal_unet.data.stored import StoredStems
from vocal_unet.data.warp import resampling_lengths, shift_pitch, stretch_time, stretching_length
from vocal_unet.errors import DataError, VocalUnetError

_MEGABYTE = 1 << 20


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
        augment, target = self.config.augment, self.config.target
        one = self._targets.take(index, picks)
        others = [stem for stem in one.names if stem != target]
        if others and picks.random() >= augment.cross_mixing:
            stems = self._excerpt(one, [target, *others], picks, rng)
        else:
            other = self._others.take(index, picks)
            others = [stem for stem in other.names if stem != target]
            stems = [*self._excerpt(one, [target], picks, rng), *self._excerpt(other, others, picks, rng)]
        stems = [augment_stem(stem, augment, rng) for stem in stems]
        stems[0] = effects.apply_gain(stems[0], self.config.vocals_gain_db)
        mixture = np.stack(stems).sum(axis=0)
        if rng.random() < augment.noise:
            mixture = effects.add_noise(mixture, _between(augment.noise_db, rng), rng)
        return np.stack([mixture, stems[0]]), self._masks(rng)

    def _excerpt(
        self, song: StoredStems, names: Sequence[str], picks: np.random.Generator, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """A random part of some stems of a song, all at the same pitch and tempo, each float32 `(samples, channels)`."""
        augment, samples = self.config.augment, self.samples
        semitones = rng.uniform(-1, 1) * augment.pitch_semitones if rng.random() < augment.pitch_shift else 0.0
        factor = _between(augment.stretch_factors, rng) if rng.random() < augment.time_stretch else 1.0
        needed = stretching_length(samples, factor) if factor != 1 else samples
        taken = resampling_lengths(needed, semitones)[0] if semitones else needed
        # A recording shorter than the excerpt lies anywhere in it.
        ends = sorted((0, song.samples - taken))
        stems = song.read(names, int(picks.integers(ends[0], ends[1] + 1)), taken)
        if semitones:
            stems = shift_pitch(stems, needed, semitones)
        if factor != 1:
            stems = stretch_time(stems, samples, factor)
        return list(stems)

    def _masks(self, rng: np.random.Generator) -> np.ndarray:
        augment, masks = self.config.augment, [0, 0, 0, 0]
        if rng.random() < augment.time_mask:
            masks[:2] = draw_block(self.config.crop_frames, augment.time_mask_frames, rng)
        if rng.random() < augment.frequency_mask:
            masks[2:] = draw_block(self.config.framing.bins, augment.frequency_mask_bins, rng)
        return np.array(masks, np.int32)


def augment_stem(stem: np.ndarray, augment: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Everything that is done to a stem alone, in the order of a mixing desk, each with its probability.

    Args:
        stem: float32 `(samples, channels)`; not changed.
        augment: probabilities and ranges.
        rng: where the numbers come from.
    """
    if rng.random() < augment.equaliser:
        low, peak, high = rng.uniform(-1, 1, 3) * augment.equaliser_db
        stem = effects.equalise(stem, low, peak, high, peak_hz=float(np.exp(rng.uniform(np.log(200), np.log(6000)))))
    if rng.random() < augment.soft_clip:
        stem = effects.clip_softly(stem, _between(augment.soft_clip_db, rng))
    if rng.random() < augment.reverb:
        stem = effects.reverberate(stem, _between(augment.reverb_seconds, rng), _between(augment.reverb_db, rng), rng)
    if rng.random() < augment.gain:
        stem = effects.apply_gain(stem, rng.uniform(-augment.gain_db, augment.gain_db))
    if rng.random() < augment.channel_swap:
        stem = effects.swap_channels(stem)
    if rng.random() < augment.polarity:
        stem = effects.invert_polarity(stem)
    return stem


def _between(pair: Sequence[float], rng: np.random.Generator) -> float:
    return float(rng.uniform(pair[0], pair[1]))


def _columns(parts: Sequence[tuple[Shelf, float, bool, bool]]) -> tuple[tuple[Shelf, ...], tuple[float, ...]]:
    return tuple(part[0] for part in parts), tuple(part[1] for part in parts)

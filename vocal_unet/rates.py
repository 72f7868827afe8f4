"""Separates sound at any sample rate with a model that knows one: resampled on the way in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from vocal_unet.audio.resample import Resampler

Stems = dict[str, np.ndarray]
SeparateBlocks = Callable[[Iterable[np.ndarray]], Iterator[Stems]]


class Replayable(Iterable[np.ndarray]):
    """Blocks that are made anew each time somebody goes through them, for what reads a song twice."""

    def __init__(self, make: Callable[[], Iterator[np.ndarray]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._make()


def resampled(blocks: Iterable[np.ndarray], rate_in: int, rate_out: int) -> Iterator[np.ndarray]:
    """Blocks float32 `(samples, channels)` at another rate: together round(samples * rate_out / rate_in), at least 1."""
    resampler = None
    for block in blocks:
        resampler = resampler or Resampler(rate_in, rate_out, block.shape[1])
        yield resampler.process(block)
    if resampler is not None:
        yield resampler.flush()


def separate_at_rate(
    separate: SeparateBlocks, blocks: Iterable[np.ndarray], *, rate: int, model_rate: int
) -> Iterator[Stems]:
    """Like `separate(blocks)`, with blocks and stems at `rate` Hz; the stems are exactly as long as the input.

    Going there and back rounds the length twice; the sample that may be missing or left over is filled up or dropped.
    `separate` gets something it may go through twice exactly if `blocks` is.
    """
    if rate == model_rate:
        yield from separate(blocks)
        return
    taken = given = 0

    def at_model_rate() -> Iterator[np.ndarray]:
        nonlocal taken
        taken = 0

        def counted() -> Iterator[np.ndarray]:
            nonlocal taken
            for block in blocks:
                taken += len(block)
                yield block

        yield from resampled(counted(), rate, model_rate)

    once = iter(blocks) is blocks
    back: dict[str, Resampler] = {}
    for stems in separate(at_model_rate() if once else Replayable(at_model_rate)):
        for stem, samples in stems.items():
            back.setdefault(stem, Resampler(model_rate, rate, samples.shape[1]))
        stems = {stem: back[stem].process(samples)[: taken - given] for stem, samples in stems.items()}
        length = len(next(iter(stems.values())))
        given += length
        if length:
            yield stems
    missing = taken - given
    if missing:
        rest = {stem: resampler.flush()[:missing] for stem, resampler in back.items()}
        yield {stem: np.pad(samples, ((0, missing - len(samples)), (0, 0))) for stem, samples in rest.items()}

"""What happens to stems louder than full scale: clamped, scaled down together, or left alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

Stems = dict[str, np.ndarray]
CLIP_MODES = ("none", "clamp", "rescale")
FULL_SCALE = np.float32(1 - 2**-15)
"""The largest sample 16 bits hold; 24 bits and floats hold it as well."""


class Clipping:
    """Applies one of `CLIP_MODES` to the blocks of one song.

    `none` gives the samples to the encoder as they are, like Spleeter: integer formats then clip at ±1. `clamp` clips at ±1 in
    every format. `rescale` multiplies all stems by one gain such that the loudest sample of any stem is at full scale, so that
    the stems still add up to the (softer) mixture; it needs the whole song first and keeps it in an unnamed temporary file.
    """

    def __init__(self, mode: str, folder: Path) -> None:
        """`folder` is where `rescale` has room for 4 bytes per sample, channel and stem."""
        self.mode = mode
        self.gain = 1.0
        self._folder = folder

    def __call__(self, blocks: Iterable[Stems]) -> Iterator[Stems]:
        """The stems to write; `blocks` must hold all stems of the model, also those that will not be written."""
        if self.mode == "rescale":
            yield from self._rescaled(blocks)
            return
        for stems in blocks:
            if self.mode == "clamp":
                stems = {stem: np.clip(samples, -1, 1) for stem, samples in stems.items()}
            yield stems

    def _rescaled(self, blocks: Iterable[Stems]) -> Iterator[Stems]:
        with tempfile.TemporaryFile(dir=self._folder) as spool:
            lengths: list[int] = []
            names: tuple[str, ...] = ()
            peak, channels = np.float32(0), 0
            for stems in blocks:
                names = tuple(stems)
                joined = np.ascontiguousarray(np.stack(list(stems.values())), np.float32)  # (stems, samples, channels)
                lengths.append(joined.shape[1])
                channels = joined.shape[2]
                peak = max(peak, np.max(np.abs(joined), initial=0))
                spool.write(joined.data)
            gain = np.float32(1) if peak <= FULL_SCALE else FULL_SCALE / peak
            self.gain = float(gain)
            spool.seek(0)
            for length in lengths:
                data = spool.read(4 * len(names) * length * channels)
                joined = np.frombuffer(data, np.float32).reshape(len(names), length, channels)
                yield dict(zip(names, joined * gain, strict=True))

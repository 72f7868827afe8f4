"""Estimates somebody else made, read from a folder: nothing is separated, so nothing is timed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spleeter_bench.errors import SystemFailedError, SystemUnavailableError
from spleeter_bench.estimates import SUBSET, read_stems, song_folder
from spleeter_bench.systems.base import Separation, System, SystemInfo


class FolderSystem(System):
    """`dir:PATH`: `PATH/test/SONG/vocals.wav` and further stems (musdb's and museval's layout), or `PATH/SONG/…`."""

    def __init__(self, spec: str, folder: Path) -> None:
        self.spec = spec
        self._folder = folder.expanduser()

    def start(self) -> SystemInfo:
        if not self._folder.is_dir():
            raise SystemUnavailableError(
                f"{self.spec}: no such folder; it should hold {SUBSET}/SONG/vocals.wav for every song"
            )
        return SystemInfo(self.spec, None, weights=f"estimates read from {self._folder}")

    def separate(
        self, mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray] | None = None, name: str = ""
    ) -> Separation:
        folders = (song_folder(self._folder, name), self._folder / name)
        for folder in folders:
            if folder.is_dir():
                return Separation(read_stems(folder, sample_rate, mixture.shape))
        raise SystemFailedError(f"{self.spec} on {name}: no estimates; expected {folders[0]}/vocals.wav")

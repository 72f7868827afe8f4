"""Proof that an export gives what its source gives: both separate the same sound, the export in a fresh process."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from vocal_unet.audio import read_audio
from vocal_unet.errors import ModelError
from vocal_unet.framing import frame_spectrogram
from vocal_unet.loading import LoadedModel

BOUNDS = {"float32": 90.0, "float16": 50.0, "int8": 20.0}
"""Least SNR in dB of an export against its source. float32 sums in another order; float16 keeps 11 bits of every weight,
int8 about 7."""


@dataclass(frozen=True)
class Proof:
    """What the fresh process gave."""

    decibels: float
    """SNR of the worst stem against the source."""
    bytes: int
    load_seconds: float
    seconds: float
    """For the sound as a whole, in the second call."""
    sound_seconds: float

    @property
    def real_time_factor(self) -> float:
        return self.seconds / self.sound_seconds


def example_clip() -> Path | None:
    """The real MUSDB18 test clip that stempeg, which comes with musdb, ships."""
    spec = importlib.util.find_spec("stempeg")
    folders = spec.submodule_search_locations if spec else None
    return next((path for folder in folders or () for path in Path(folder).rglob("*.stem.mp4")), None)


def proof_sound(model: LoadedModel, clip: Path | None) -> np.ndarray:
    """A real clip, there and back again until it is longer than a segment; float32 `(samples, channels)`.

    Raises:
        AudioError: the clip cannot be read.
        ModelError: there is no clip.
    """
    path = clip or example_clip()
    if path is None:
        raise ModelError("there is no clip to prove the export with; install stempeg, or give a song with --clip")
    framing = model.framing
    samples, _ = read_audio(path, sample_rate=framing.sample_rate, channels=framing.channels)
    needed = framing.segment_step + framing.segment_step // 2
    turns = [samples, samples[::-1]] * (needed // (2 * len(samples)) + 1)
    return np.concatenate(turns)[:needed]


def network_input(model: LoadedModel, waveform: np.ndarray) -> np.ndarray:
    """Magnitudes of the first segment, float32 `(1, frames, bins, channels)`."""
    framing = model.framing
    segment = np.zeros((framing.segment_samples, framing.channels), np.float32)
    segment[: len(waveform)] = waveform[: len(segment)]
    return tf.abs(frame_spectrogram(segment[np.newaxis], framing)[:, :, : framing.bins]).numpy()


def run_fresh(
    spec: str, sounds: Mapping[str, np.ndarray]
) -> tuple[float, dict[str, float], dict[str, dict[str, np.ndarray]]]:
    """Run an export in a fresh process.

    Returns:
        Seconds to load it; seconds and arrays per sound, streams among them with `prove.STREAM` in front.

    Raises:
        ModelError: it does not run.
    """
    with tempfile.TemporaryDirectory(prefix="vocal-unet-proof-") as folder:
        for name, sound in sounds.items():
            np.save(Path(folder) / f"{name}.npy", sound)
        command = [sys.executable, "-m", "vocal_unet.export.prove", spec, folder]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise ModelError(f"the export does not run: {words[-1]}")
        said = json.loads(done.stdout.strip().splitlines()[-1])
        arrays = {}
        for name in sounds:
            with np.load(Path(folder) / f"{name}.npz") as stored:
                arrays[name] = dict(stored)
    return said["load_seconds"], said["seconds"], arrays


def worst_snr(expected: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> float:
    """SNR in dB of the worst array given, each against the one expected under its name; -inf where the shapes differ."""
    from vocal_unet.export.prove import STREAM

    worst = float("inf")
    for name, estimate in given.items():
        reference = expected[name.removeprefix(STREAM)].astype(np.float64)
        if reference.shape != estimate.shape or not np.isfinite(estimate).all():
            return float("-inf")
        noise = np.sum((reference - estimate) ** 2)
        if noise:
            with np.errstate(divide="ignore"):
                worst = min(worst, float(10 * np.log10(np.sum(reference**2) / noise)))
    return worst


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)

"""Separated songs on disk, in museval's layout: FOLDER/test/SONG/STEM.wav; how runs keep them and `dir:` reads them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from spleeter_bench.errors import BenchError, SystemFailedError
from vocal_unet import VocalUnetError, probe_audio, read_audio, write_audio

FOLDER = "estimates"
SUBSET = "test"
SUFFIXES = {".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav", ".wma"}
LONGEST = 200
"""Bytes of a folder's name; temporary names are a little longer."""
NOT_ESTIMATES = {"mixture", "linear_mixture"}
OTHER_NAMES = {"no_vocals": "accompaniment"}
"""What other programs call a stem."""


def file_name(name: str) -> str:
    """A system's spec as the name of a folder, different for different specs, without dots (museval cuts at dots)."""
    plain = re.sub(r"[^A-Za-z0-9@=_-]+", "-", name).strip("-")
    return plain if plain == name else f"{plain[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def song_folder(root: Path, song: str) -> Path:
    """Where a song's stems lie under `root`; a slash in its name would be a folder, and file systems end at 255 bytes."""
    name = song.replace("/", "_")
    if len(name.encode()) > LONGEST:
        name = f"{name.encode()[:LONGEST].decode(errors='ignore')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return root / SUBSET / name


def kept_folders(run_folder: Path, systems: Iterable[str], song: str) -> dict[str, Path]:
    """System -> where a run keeps its stems of a song, whether it did or not."""
    return {system: song_folder(run_folder / FOLDER / file_name(system), song) for system in systems}


def write_stems(folder: Path, stems: Mapping[str, np.ndarray], sample_rate: int) -> None:
    """Write stems `float32 (samples, channels)` as float32 wav: read back, they score exactly as they did in memory.

    All files or none: they are written under a temporary name, which is then renamed.

    Raises:
        BenchError: the folder cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        for stem, waveform in stems.items():
            write_audio(temporary / f"{stem}.wav", waveform, sample_rate, sample_format="float32")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except VocalUnetError as error:
        raise BenchError(str(error)) from error
    except OSError as error:
        raise BenchError(f"{folder}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_stems(folder: Path, sample_rate: int, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """All stems of a song, `float32 (samples, channels)`.

    Args:
        folder: holds `vocals.*` and perhaps other stems; anything that is no audio, and mixtures, are left alone.
        sample_rate: of the song, Hz; nothing is resampled, because that would change scores.
        shape: of the song; nothing is padded or cut, because a shifted estimate would pass unnoticed.

    Raises:
        SystemFailedError: there are no vocals, a stem is there twice, cannot be decoded, or has another rate or shape.
    """
    stems: dict[str, np.ndarray] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        stem = OTHER_NAMES.get(path.stem, path.stem)
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or stem in NOT_ESTIMATES:
            continue
        if stem in stems:
            raise SystemFailedError(f"{path}: a second file of the stem {stem}; keep one")
        try:
            waveform, rate = read_audio(path)
        except VocalUnetError as error:
            raise SystemFailedError(str(error)) from error
        if rate != sample_rate or waveform.shape != shape:
            raise SystemFailedError(
                f"{path}: has {rate} Hz, {waveform.shape[0]} samples, {waveform.shape[1]} channels; the song has "
                f"{sample_rate} Hz, {shape[0]} samples, {shape[1]} channels; estimates must line up with it exactly"
            )
        stems[stem] = waveform
    if "vocals" not in stems:
        raise SystemFailedError(f"{folder}: no vocals; expected an audio file named vocals")
    return stems


def read_stem(folder: Path, stem: str, sample_rate: int, samples: int, start: int, length: int) -> np.ndarray:
    """A part of one stem that `write_stems` wrote, `float32 (length, channels)`.

    Accompaniment that was not kept as such is the sum of all stems but the vocals, as in scoring.

    Args:
        folder: of the song.
        stem: vocals or accompaniment.
        sample_rate: of the song, Hz.
        samples: of the song.
        start: first sample wanted.
        length: how many samples.

    Raises:
        SystemFailedError: the stem is not there, cannot be decoded, or has another rate or length than the song.
    """
    paths = [folder / f"{stem}.wav"]
    if stem == "accompaniment" and not paths[0].is_file():
        paths = [path for path in sorted(folder.glob("*.wav")) if path.stem not in {"vocals", *NOT_ESTIMATES}]
    if not paths or not paths[0].is_file():
        raise SystemFailedError(f"no {stem} kept; run with --keep-estimates")
    parts = []
    for path in paths:
        try:
            info = probe_audio(path)
            if (info.sample_rate, info.samples) != (sample_rate, samples):
                raise SystemFailedError(
                    f"{path}: has {info.sample_rate} Hz, {info.samples} samples; "
                    f"the song has {sample_rate} Hz, {samples} samples"
                )
            part, _ = read_audio(path, offset=start / sample_rate, duration=length / sample_rate)
        except VocalUnetError as error:
            raise SystemFailedError(str(error)) from error
        parts.append(part)
    return np.sum(parts, axis=0)

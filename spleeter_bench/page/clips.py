"""One excerpt of one song with all that is heard and seen of it: the mixture, the reference and every kept estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import signal

from spleeter_bench.errors import BenchError, SystemFailedError
from spleeter_bench.estimates import read_stem
from spleeter_bench.page.loudness import matching_gains
from spleeter_bench.page.mp3 import encode
from spleeter_bench.page.pictures import difference_picture, level_picture, mask_picture
from spleeter_bench.tracks import Track, TrackAudio
from vocal_unet import log_spectrogram

ANCHOR_HZ = 3500.0
"""The low-pass anchor of ITU-R BS.1534."""
STEP_SECONDS = 0.5

MIXTURE, REFERENCE = "mixture", "reference"
TRUTH = 2
"""The first voices of a clip are these two, whatever systems are called; the rest are systems."""


@dataclass(frozen=True)
class Excerpts:
    """Which part of every song is put in the page, and how."""

    seconds: float | None = 7.0
    """Length; None is the whole song."""
    count: int = 1
    """Per song, at most."""
    bitrate: int = 96_000
    """Bits per second of the mp3."""

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.seconds >= 1:
            raise BenchError(f"an excerpt lasts 1 second or more, not {self.seconds:g}")
        if not 32_000 <= self.bitrate <= 320_000:
            raise BenchError(f"mp3 has 32000 to 320000 bits per second, not {self.bitrate}")
        if self.count < 1:
            raise BenchError(f"there must be 1 excerpt or more per song, not {self.count}")


@dataclass(frozen=True)
class Voice:
    """One thing to listen to in a clip."""

    name: str
    """"mixture", "reference" or a system's spec."""
    audio: int
    """Index into `Clip.audio`; two that sound the same share it."""
    gain: float
    """Brings it to the loudness of the others."""
    spectrogram: str
    mask: str = ""
    difference: str = ""


@dataclass(frozen=True)
class Clip:
    """An excerpt, ready for the page; pictures are data URIs."""

    song: str
    dataset: str
    samples_of_song: int
    start: float
    """Seconds into the song."""
    samples: int
    sample_rate: int
    voices: tuple[Voice, ...]
    audio: tuple[str, ...]
    """mp3 in base64."""
    anchor: Mapping[str, object]
    """Filter `b`, `a` that makes the hidden anchor out of the reference, and its `gain`."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """System -> why there is nothing to hear of it."""

    @property
    def seconds(self) -> float:
        """Length."""
        return self.samples / self.sample_rate


def make_clips(track: Track, folders: Mapping[str, Path], target: str, excerpts: Excerpts) -> list[Clip]:
    """The clips of a song.

    Args:
        track: the song; it is decoded once.
        folders: system -> where its stems of this song lie, if it kept them.
        target: the stem to be heard.
        excerpts: how many, how long.

    Raises:
        TrackError: the song cannot be decoded.
        BenchError: its sample rate is none of mp3's.
    """
    audio = track.load()
    length = len(audio.mixture)
    if excerpts.seconds is not None:
        length = min(length, round(excerpts.seconds * track.sample_rate))
    starts = choose_starts(audio, target, track.sample_rate, length, excerpts.count)
    return [_clip(track, audio, folders, target, start, length, excerpts.bitrate) for start in starts]


def choose_starts(audio: TrackAudio, target: str, sample_rate: int, length: int, count: int) -> list[int]:
    """Where to listen: excerpts without overlap in which the target and everything else are both at their most present.

    Returns:
        Up to `count` first samples, in the order of the song; a song with room for fewer has fewer.
    """
    step = max(1, round(STEP_SECONDS * sample_rate))
    starts = np.arange(0, len(audio.mixture) - length + 1, step)
    quieter = np.min(
        [
            _energy(stem, starts, length)
            for stem in (audio.references[target], audio.mixture - audio.references[target])
        ],
        axis=0,
    )
    chosen: list[int] = []
    # a stable sort: where nothing is louder, the earlier start wins
    for place in np.argsort(-quieter, kind="stable"):
        if len(chosen) < count and all(abs(starts[place] - other) >= length for other in chosen):
            chosen.append(int(starts[place]))
    return sorted(chosen)


def _energy(waveform: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    running = np.concatenate([[0.0], np.cumsum(np.sum(waveform.astype(np.float64) ** 2, axis=1))])
    return running[starts + length] - running[starts]


def _clip(
    track: Track,
    audio: TrackAudio,
    folders: Mapping[str, Path],
    target: str,
    start: int,
    length: int,
    bitrate: int,
) -> Clip:
    heard, missing = gather(track, audio, folders, target, start, length)
    names = [MIXTURE, REFERENCE, *heard.estimates]
    waveforms = [heard.mixture, heard.reference, *heard.estimates.values()]
    encoded: dict[bytes, tuple[int, str, np.ndarray]] = {}
    for waveform in waveforms:
        content = waveform.tobytes()
        if content not in encoded:
            encoded[content] = (len(encoded), *encode(waveform, track.sample_rate, bitrate))
    # levels are taken from what the codec left, which is what is heard
    audible = [encoded[waveform.tobytes()] for waveform in waveforms]
    anchor_b, anchor_a = signal.butter(4, min(ANCHOR_HZ / track.sample_rate * 2, 0.9))
    anchor = signal.lfilter(anchor_b, anchor_a, audible[1][2], axis=0)
    *gains, anchor_gain = matching_gains([*(decoded for _, _, decoded in audible), anchor], track.sample_rate)
    columns = columns_of(length, track.sample_rate)
    mixture, reference, *_ = levels = [
        log_spectrogram([waveform], track.sample_rate, length, columns=columns) for waveform in waveforms
    ]
    top = float(mixture.max())
    voices = [
        Voice(
            name,
            audible[place][0],
            gains[place],
            level_picture(level, top),
            mask_picture(level, mixture, top) if place >= TRUTH else "",
            difference_picture(level, reference, top) if place >= TRUTH else "",
        )
        for place, (name, level) in enumerate(zip(names, levels, strict=True))
    ]
    return Clip(
        song=track.name,
        dataset=track.dataset,
        samples_of_song=track.samples,
        start=start / track.sample_rate,
        samples=length,
        sample_rate=track.sample_rate,
        voices=tuple(voices),
        audio=tuple(text for _, text, _ in encoded.values()),
        anchor={"b": list(anchor_b), "a": list(anchor_a), "gain": anchor_gain},
        missing=missing,
    )


@dataclass(frozen=True)
class Heard:
    """The waveforms of one excerpt, `float32 (samples, 2)`."""

    mixture: np.ndarray
    reference: np.ndarray
    estimates: Mapping[str, np.ndarray]
    """By system."""


def gather(
    track: Track, audio: TrackAudio, folders: Mapping[str, Path], target: str, start: int, length: int
) -> tuple[Heard, dict[str, str]]:
    """Everything there is of an excerpt, and why systems are missing, as in `make_clips`."""
    part = slice(start, start + length)
    estimates: dict[str, np.ndarray] = {}
    missing: dict[str, str] = {}
    for system, folder in folders.items():
        try:
            estimates[system] = read_stem(folder, target, track.sample_rate, len(audio.mixture), start, length)
        except SystemFailedError as error:
            missing[system] = str(error)
    return Heard(audio.mixture[part], audio.references[target][part], estimates), missing


def columns_of(samples: int, sample_rate: int) -> int:
    """Width of a picture: fine enough for notes, no wider than a screen."""
    return int(np.clip(samples / sample_rate * 50, 100, 1600))

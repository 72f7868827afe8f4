"""What an open sound file is to the rest of the package, whichever library reads it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from vocal_unet.errors import AudioError


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file says of itself, without decoding it."""

    path: Path
    sample_rate: int
    """In Hz."""
    channels: int
    samples: int | None
    """Samples per channel; None where the file does not state it exactly (ogg, wma, mp3 without a Xing header)."""
    streams: int
    """Number of audio streams; the stems of a `.stem.mp4` are streams 1 to 4, stream 0 is the mixture."""
    codec: str
    """`flac/pcm_24`, `mp3`, `aac`, …"""
    duration: float | None
    """In seconds; an estimate where `samples` is None."""


class Source(ABC):
    """An open sound file. Use as a context manager."""

    info: AudioInfo

    @abstractmethod
    def blocks(self, start: int, count: int | None) -> Iterator[np.ndarray]:
        """Samples `start` to `start + count` (None: to the end) as `float32 (n, channels)`, n > 0, at the file's rate.

        Raises:
            AudioError: the file is damaged or ends before the length it states.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the file."""

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def no_such_stream(path: Path, stream: int, streams: int) -> AudioError:
    """The error for a stream index that is out of range."""
    return AudioError(f"{path}: has no audio stream {stream}; choose one from 0 to {streams - 1}")

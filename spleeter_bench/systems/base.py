"""The protocol every compared system speaks: start, separate songs one at a time, close."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

MWF = "@mwf"
"""At the end of a model's name: with Spleeter's multichannel Wiener filter behind its masks."""


@dataclass(frozen=True)
class SystemInfo:
    """What a started system says of itself; it goes into every record."""

    spec: str
    load_seconds: float | None
    """Wall time until it was ready, warm-up included; None where nothing is loaded or it cannot be told apart."""
    weights: str = ""
    """Where the weights came from, in words for a footnote ("Deezer release v1.4.0", "trained on 64 generated songs")."""
    versions: Mapping[str, str] = field(default_factory=dict)
    cost_note: str = ""
    """What a reader has to know about its seconds and memory, in words for a footnote."""


@dataclass(frozen=True)
class Separation:
    """One separated song: stems `float32 (samples, channels)`, and what it cost."""

    stems: Mapping[str, np.ndarray]
    seconds: float | None = None
    """Wall time of the separation alone, audio already in memory, without loading the model; None if not measured."""
    peak_memory: int | None = None
    """Highest resident memory of the system's process up to now, in bytes; None if not measured."""


class System(ABC):
    """Something that turns a mixture into stems. Use as a context manager: entering starts it."""

    spec: str
    needs_references = False
    """Oracles are handed the reference stems; no other system ever sees them."""

    @abstractmethod
    def start(self) -> SystemInfo:
        """Load everything that is needed.

        Raises:
            SystemUnavailableError: it cannot run on this machine; the message says why and what to do.
            SystemFailedError: it can, but did not come up.
        """

    @abstractmethod
    def separate(
        self, mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray] | None = None, name: str = ""
    ) -> Separation:
        """Separate one song, `mixture` being `float32 (samples, channels)`; `name` is for messages.

        Raises:
            SystemFailedError: it crashed, hung or answered with something that is no result. The system can be started again.
        """

    def close(self) -> None:  # noqa: B027 - most systems have nothing to give back
        """End the system; calling it twice is fine."""

    def __enter__(self) -> System:
        self.info = self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""A system that runs in a process of its own, so that its time and memory are its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spleeter_bench.errors import SystemFailedError, SystemUnavailableError
from spleeter_bench.sidecar.protocol.serve import REFERENCE_PREFIX
from spleeter_bench.systems.base import Separation, System, SystemInfo
from spleeter_bench.systems.connection import Connection

DEFAULT_TIMEOUT = 1800.0


@dataclass(frozen=True)
class Launch:
    """The command of a worker and the environment variables it runs with."""

    command: Sequence[str]
    environment: Mapping[str, str]


class ProcessSystem(System):
    """Starts a worker, hands it songs and checks what comes back; a worker that failed is replaced by a new one."""

    def __init__(
        self,
        spec: str,
        launch: Callable[[], Launch],
        *,
        timeout: float = DEFAULT_TIMEOUT,
        needs_references: bool = False,
    ) -> None:
        """
        Args:
            spec: what the user typed.
            launch: says how to start the worker; may raise `SystemUnavailableError`.
            timeout: seconds that starting, and each song, may take.
            needs_references: whether the worker is handed the reference stems.
        """
        self.spec = spec
        self.needs_references = needs_references
        self._launch = launch
        self._timeout = timeout
        self._connection: Connection | None = None

    def start(self) -> SystemInfo:
        """Start the worker and load its model; `load_seconds` is the wall time until it is ready, warm-up included."""
        self.close()
        launch = self._launch()
        started = time.perf_counter()
        self._connection = Connection(self.spec, launch.command, launch.environment)
        header, _ = self._request("start", {}, {}, "")
        if header["kind"] == "unavailable":
            self._abandon()
            raise SystemUnavailableError(f"{self.spec}: {_line(header.get('message'))}")
        if header["kind"] != "ready":
            raise self._failure(header, "")
        return SystemInfo(
            spec=self.spec,
            load_seconds=time.perf_counter() - started,
            weights=str(header.get("weights", "")),
            versions=dict(header.get("versions") or {}),
        )

    def separate(
        self, mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray] | None = None, name: str = ""
    ) -> Separation:
        mixture = np.asarray(mixture, dtype=np.float32)
        if mixture.ndim != 2:
            raise ValueError(f"a mixture has shape (samples, channels), not {mixture.shape}")
        arrays = {"mixture": mixture}
        if self.needs_references:
            if not references:
                raise ValueError(f"{self.spec} needs the reference stems")
            arrays.update({REFERENCE_PREFIX + stem: audio for stem, audio in references.items()})
        if self._connection is None:
            self.info = self.start()
        header, stems = self._request("separate", {"sample_rate": sample_rate}, arrays, name)
        if header["kind"] != "stems":
            raise self._failure(header, name)
        problem = _find_fault(header, stems, mixture.shape)
        if problem:
            self._abandon()
            raise SystemFailedError(f"{self._about(name)}: {problem}")
        return Separation(stems=stems, seconds=float(header["seconds"]), peak_memory=header["peak_memory"])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, kind: str, fields: Mapping, arrays: Mapping, about: str) -> tuple[dict, dict]:
        assert self._connection is not None
        try:
            return self._connection.request(kind, fields, arrays, self._timeout, about)
        except BaseException:
            self._connection = None
            raise

    def _abandon(self) -> None:
        if self._connection is not None:
            self._connection.kill()
            self._connection = None

    def _failure(self, header: Mapping[str, Any], about: str) -> SystemFailedError:
        self._abandon()
        if header["kind"] == "failed":
            return SystemFailedError(f"{self._about(about)}: {_line(header.get('message'))}")
        return SystemFailedError(f"{self._about(about)}: answered {header['kind']!r}, which makes no sense here")

    def _about(self, name: str) -> str:
        return f"{self.spec} on {name}" if name else self.spec


def _find_fault(header: Mapping[str, Any], stems: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> str | None:
    """What keeps an answer from being a result, or None."""
    if "vocals" not in stems:
        return f"answered without vocals (stems: {', '.join(stems) or 'none'})"
    for stem, audio in stems.items():
        # Spleeter's networks turn mono into stereo.
        if audio.shape not in (shape, (shape[0], 2)):
            return f"answered {stem} of shape {audio.shape} for a mixture of shape {shape}"
        if not np.isfinite(audio).all():
            return f"answered {stem} with samples that are not finite numbers"
    seconds, memory = header.get("seconds"), header.get("peak_memory")
    if (
        not isinstance(seconds, (int, float))
        or not 0 <= seconds < float("inf")
        or not isinstance(memory, int)
        or memory < 0
    ):
        return f"answered without its cost (seconds {seconds!r}, peak memory {memory!r})"
    return None


def _line(message: object) -> str:
    return " ".join(str(message).split())

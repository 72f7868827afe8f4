"""Where and in what arithmetic a network is run."""

from __future__ import annotations

from dataclasses import dataclass

from vocal_unet.config.base import Config, require

PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Execution(Config):
    """`device`: cpu, gpu or gpu:N; None takes a GPU where there is one. `precision`: what the network computes in."""

    device: str | None = None
    precision: str = "float32"

    def __post_init__(self) -> None:
        require(
            self.precision in PRECISIONS, f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision!r}"
        )

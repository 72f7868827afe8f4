"""How a network's outputs become masks, and masks stems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vocal_unet.config.base import Config, require


@dataclass(frozen=True)
class Masking(Config):
    """How a network's outputs become one mask per stem.

    `kind="ratio"`: the network estimates every stem's magnitude, masks are shares of their sum at power `exponent` (Spleeter).
    `kind="complement"`: the network draws the mask of the first of two stems, the other gets the rest (the paper's U-Net).
    `extension` says what the mask of the (first) stem is above the bins the network sees: zeros, ones or the average.
    """

    kind: str = "ratio"
    exponent: float = 2.0
    extension: str = "zeros"

    def __post_init__(self) -> None:
        require(self.kind in ("ratio", "complement"), f"kind must be ratio or complement, not {self.kind!r}")
        require(self.exponent > 0, f"exponent must be above 0, not {self.exponent}")
        require(
            self.extension in ("zeros", "ones", "average"),
            f"extension must be zeros, ones or average, not {self.extension!r}",
        )


WIENER_WINDOWS = ("song", "segment")
BANDS = ("spleeter", "extend", "rest")


@dataclass(frozen=True)
class Rendering(Config):
    """How masks become stems.

    `mwf` refines the masked stems with a multichannel Wiener filter; `wiener_window` says over what its statistics are
    taken: the whole song, as Spleeter does, for which the song is read twice, or each segment by itself, which also works on
    a live stream. `band` says what happens above the bins the network sees: "spleeter" does what the model's own settings
    say (the published models: silence), "extend" carries each stem's mask on with its mean over the bins the network sees,
    "rest" gives everything that no other stem claims to the accompaniment (`rest_stem`).
    """

    mwf: bool = False
    wiener_window: str = "song"
    band: str = "spleeter"

    def __post_init__(self) -> None:
        for key, choices in (("wiener_window", WIENER_WINDOWS), ("band", BANDS)):
            value = getattr(self, key)
            require(value in choices, f"{key} must be one of {', '.join(choices)}, not {value!r}")

    @property
    def reads_twice(self) -> bool:
        """Whether the song is heard once for its statistics before it is separated."""
        return self.mwf and self.wiener_window == "song"


def rest_stem(stems: Sequence[str]) -> int:
    """Index of the stem that takes what is left over: accompaniment, other, or else the last one."""
    for name in ("accompaniment", "other"):
        if name in stems:
            return list(stems).index(name)
    return len(stems) - 1

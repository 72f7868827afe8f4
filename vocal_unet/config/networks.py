"""The settings of the networks: Spleeter's and the paper's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vocal_unet.config.base import Config, is_number, require, require_whole


def require_detail(detail_db: float) -> None:
    """Raise `ConfigError` unless so many dB can be looked at."""
    require(
        is_number(detail_db) and 0 < detail_db <= 120, f"detail_db must be above 0 and at most 120, not {detail_db}"
    )


@dataclass(frozen=True)
class SpleeterNetworkConfig(Config):
    """Spleeter's `model` settings: `unet.unet` (a sigmoid per stem) or `unet.softmax_unet` (shares that sum to one)."""

    type: str = "unet.unet"
    conv_n_filters: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    conv_activation: str = "LeakyReLU"
    deconv_activation: str = "ReLU"

    def __post_init__(self) -> None:
        types, activations = ("unet.unet", "unet.softmax_unet"), ("ReLU", "LeakyReLU", "ELU")
        require(self.type in types, f"type must be one of {', '.join(types)}, not {self.type!r}")
        require(len(self.conv_n_filters) == 6, f"conv_n_filters needs six numbers, not {self.conv_n_filters}")
        require(
            all(isinstance(n, int) and n >= 1 for n in self.conv_n_filters),
            f"conv_n_filters must be positive whole numbers, not {self.conv_n_filters}",
        )
        for key in ("conv_activation", "deconv_activation"):
            require(
                getattr(self, key) in activations,
                f"{key} must be one of {', '.join(activations)}, not {getattr(self, key)!r}",
            )


@dataclass(frozen=True)
class CoarseConfig(Config):
    """A network with a wide view and a mask of one value per third of an octave and eight frames.

    `filters`: of its four convolutions, the last one's also in the blocks. `blocks`: their view over time doubles from one to the
    next. `dropout`: rate, of whole channels. `detail_db`: as for the U-Net.
    """

    filters: tuple[int, ...] = (16, 32, 48, 64)
    blocks: int = 4
    dropout: float = 0.3
    detail_db: float = 50.0

    def __post_init__(self) -> None:
        require(len(self.filters) == 4, f"filters needs four numbers, not {self.filters}")
        require_whole(1, filters=self.filters)
        require_whole(0, blocks=(self.blocks,))
        require(0 <= self.dropout < 1, f"dropout must be in [0, 1), not {self.dropout}")
        require_detail(self.detail_db)


@dataclass(frozen=True)
class UNetConfig(Config):
    """The paper's U-Net.

    `filters`: one entry per level, the last one at the bottom; between two levels frames and bins halve.
    `dropout`: rates of the decoder, counted from the bottom; levels beyond the last entry have none.
    `batch_normalization_momentum`: share of the old statistics kept per step; short trainings need less than Keras' 0.99.
    `first_stride`: step of the first convolution; 2 halves frames and bins at once, as Spleeter's first one does, and the
    mask's transposed convolution doubles them again: a quarter of the arithmetic in the upper levels.
    `frequency_bottleneck`: every level gets two dense layers across its bins, through so many times fewer; 0 has none
    (Choi et al., "Investigating U-Nets with various intermediate blocks for spectrogram-based singing voice separation", 2020).
    `detail_db`: magnitudes so far below a segment's loudness are still told apart; noise floors and what a codec left of high
    frequencies give away where a training song came from, so few songs are learned by heart less readily with less of it.
    `members`: so many U-Nets of this size side by side, whose masks' logits are averaged; trained apart, on different mixes, they
    err in different places, and what they agree on is more often right (`tools/ship_demo_model` joins them).
    `mask_offsets`: added to the mask's logits at 100 Hz and every half octave up from there, interpolated in between; found
    after training (`tools/ship_demo_model`).
    `veto_db`: a coarse network, set up by `veto`, lowers the mask's logits where it finds the vocals so many dB weaker against
    the rest than the mask does, over a third of an octave and eight frames, the less the more of all it hears over
    three seconds is a voice; trained apart as well. Null: there is none.
    `mask_agreement`: two levels of the vocals against the rest, in dB, over some three seconds. Where the mask itself finds the
    vocals below the first or above the second, its logits move on in that direction: where nearly all is voice, or nearly
    nothing, what is in doubt is so too. Three seconds are more than convolutions of four levels see. Nothing moves unless set.
    """

    filters: tuple[int, ...] = (16, 32, 64, 128, 256)
    kernel_size: int = 5
    dropout: tuple[float, ...] = (0.4, 0.4, 0.4)
    batch_normalization: bool = True
    batch_normalization_momentum: float = 0.99
    first_stride: int = 1
    frequency_bottleneck: int = 0
    detail_db: float = 60.0
    members: int = 1
    mask_offsets: tuple[float, ...] = ()
    veto: CoarseConfig = CoarseConfig()
    veto_db: float | None = None
    mask_agreement: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        require(len(self.filters) >= 2, f"filters needs at least two levels, not {self.filters}")
        require_whole(1, filters=self.filters, kernel_size=(self.kernel_size,))
        require(
            len(self.dropout) < len(self.filters),
            f"dropout has {len(self.dropout)} rates for {len(self.filters) - 1} decoder levels",
        )
        require(
            all(is_number(rate) and 0 <= rate < 1 for rate in self.dropout),
            f"dropout rates must be in [0, 1), not {self.dropout}",
        )
        require(self.first_stride in (1, 2), f"first_stride must be 1 or 2, not {self.first_stride}")
        require_whole(0, frequency_bottleneck=(self.frequency_bottleneck,))
        require_whole(1, members=(self.members,))
        require_detail(self.detail_db)
        require(
            self.veto_db is None or (is_number(self.veto_db) and math.isfinite(self.veto_db)),
            f"veto_db must be a number or null, not {self.veto_db!r}",
        )
        require(
            all(is_number(offset) and math.isfinite(offset) for offset in self.mask_offsets),
            f"mask_offsets must be numbers, not {self.mask_offsets}",
        )
        require(
            not self.mask_agreement
            or (
                len(self.mask_agreement) == 2
                and all(is_number(level) and math.isfinite(level) for level in self.mask_agreement)
                and self.mask_agreement[0] <= self.mask_agreement[1]
            ),
            f"mask_agreement must be two numbers, the lower one first, not {self.mask_agreement}",
        )
        momentum = self.batch_normalization_momentum
        require(0 <= momentum < 1, f"batch_normalization_momentum must be in [0, 1), not {momentum}")

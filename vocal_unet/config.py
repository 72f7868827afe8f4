"""Settings as frozen dataclasses: validated when made, JSON in and out, unknown keys are errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from vocal_unet.errors import ConfigError

C = TypeVar("C", bound="Config")


def require(condition: bool, message: str) -> None:
    """Raise `ConfigError(message)` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class Config:
    """Base of all settings: `to_dict`, `from_dict` (unknown and mistyped keys are errors that name the key)."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; tuples become lists, nested configs become objects."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls: type[C], values: Mapping[str, Any], where: str = "") -> C:
        """Build from JSON values. `where` (a file name, say) starts every error message.

        Raises:
            ConfigError: a key is unknown, a value has the wrong type or is out of range.
        """
        prefix = f"{where}: " if where else ""
        if not isinstance(values, Mapping):
            raise ConfigError(f"{prefix}{cls.__name__} must be an object, not {type(values).__name__}")
        fields = {field.name: field for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise ConfigError(f"{prefix}unknown key {unknown[0]!r} in {cls.__name__}; known keys: {', '.join(fields)}")
        made = {key: _coerce(value, fields[key], f"{prefix}{key}") for key, value in values.items()}
        try:
            return cls(**made)
        except TypeError as error:
            raise ConfigError(f"{prefix}{error}") from None
        except ConfigError as error:
            raise ConfigError(f"{prefix}{error}") from None


def _coerce(value: Any, field: dataclasses.Field, where: str) -> Any:
    """Turn a JSON value into what the field's default shows it should be."""
    default = field.default_factory() if callable(field.default_factory) else field.default
    if isinstance(default, Config):
        return type(default).from_dict(value, where)
    if isinstance(default, tuple):
        require(isinstance(value, (list, tuple)), f"{where} must be a list, not {value!r}")
        return tuple(value)
    if isinstance(default, bool) or default is None or default is dataclasses.MISSING:
        require(
            (default is not True and default is not False) or isinstance(value, bool),
            f"{where} must be true or false, not {value!r}",
        )
        return value
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    require(
        isinstance(value, type(default)) and not isinstance(value, bool),
        f"{where} must be {type(default).__name__}, not {value!r}",
    )
    return value


def read_json(path: Path) -> Any:
    """Parse a JSON file.

    Raises:
        ConfigError: the file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not valid JSON (line {error.lineno}: {error.msg})") from None


@dataclass(frozen=True)
class Framing(Config):
    """How a waveform becomes spectrogram segments.

    A waveform `(samples, channels)` at `sample_rate` Hz gets `frame_length` zeros in front and is cut into Hann-windowed
    frames every `frame_step` samples; `segment_frames` consecutive frames make a segment, of which the network sees the
    lowest `bins` of `frame_length // 2 + 1` frequency bins. The defaults are Spleeter's (T = 512, F = 1024).
    """

    sample_rate: int = 44100
    channels: int = 2
    frame_length: int = 4096
    frame_step: int = 1024
    segment_frames: int = 512
    bins: int = 1024

    SPLEETER: ClassVar[Framing]
    PAPER: ClassVar[Framing]

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            require(
                isinstance(value, int) and value >= 1, f"{field.name} must be a positive whole number, not {value!r}"
            )
        require(
            self.frame_length % self.frame_step == 0 and self.frame_length // self.frame_step >= 3,
            f"frame_length must be a multiple, at least the third, of frame_step: {self.frame_length} and "
            f"{self.frame_step} leave the squared Hann window uneven, so the inverse would not be exact",
        )
        require(
            self.bins <= self.stft_bins,
            f"bins must be at most frame_length / 2 + 1 = {self.stft_bins}, not {self.bins}",
        )

    @property
    def stft_bins(self) -> int:
        """All frequency bins of a frame: frame_length // 2 + 1."""
        return self.frame_length // 2 + 1

    @property
    def segment_samples(self) -> int:
        """Samples under one segment: (segment_frames - 1) * frame_step + frame_length."""
        return (self.segment_frames - 1) * self.frame_step + self.frame_length

    @property
    def segment_step(self) -> int:
        """Samples between the starts of two segments: segment_frames * frame_step."""
        return self.segment_frames * self.frame_step

    def frames(self, samples: int) -> int:
        """Frames of a whole waveform: ceil((frame_length + samples) / frame_step), as Spleeter pads."""
        return -(-(self.frame_length + samples) // self.frame_step)


Framing.SPLEETER = Framing()
Framing.PAPER = Framing(frame_length=2048, frame_step=512, segment_frames=587, bins=1025)
FRAMINGS: dict[str, Framing] = {"spleeter": Framing.SPLEETER, "paper": Framing.PAPER}


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
class UNetConfig(Config):
    """The paper's U-Net: one entry of `filters` per level, a `dropout` rate per level counted from the bottom."""

    filters: tuple[int, ...] = (16, 32, 64, 128, 256)
    kernel_size: int = 5
    dropout: tuple[float, ...] = (0.4, 0.4, 0.4)
    batch_normalization: bool = True

    def __post_init__(self) -> None:
        require(len(self.filters) >= 1, "filters needs at least one level")
        require(
            all(isinstance(n, int) and n >= 1 for n in self.filters),
            f"filters must be positive whole numbers, not {self.filters}",
        )
        require(self.kernel_size >= 1, f"kernel_size must be at least 1, not {self.kernel_size}")
        require(
            len(self.dropout) <= len(self.filters),
            f"dropout has {len(self.dropout)} rates for {len(self.filters)} levels",
        )
        require(all(0 <= rate < 1 for rate in self.dropout), f"dropout rates must be in [0, 1), not {self.dropout}")

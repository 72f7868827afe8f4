"""Settings as frozen dataclasses: validated when made, JSON in and out, unknown keys are errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from vocal_unet.errors import ConfigError

C = TypeVar("C", bound="Config")


def require(condition: bool, message: str) -> None:
    """Raise `ConfigError(message)` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require_whole(least: int, **values: tuple[Any, ...]) -> None:
    """Raise `ConfigError` unless all values are whole numbers of at least `least`."""
    for key, numbers in values.items():
        fits = all(isinstance(number, int) and not isinstance(number, bool) and number >= least for number in numbers)
        shown = numbers[0] if len(numbers) == 1 else numbers
        require(
            fits, f"{key} must be {'' if len(numbers) == 1 else 'made of '}whole numbers from {least} up, not {shown!r}"
        )


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
    """The paper's U-Net.

    `filters`: one entry per level, the last one at the bottom; between two levels frames and bins halve.
    `dropout`: rates of the decoder, counted from the bottom; levels beyond the last entry have none.
    `batch_normalization_momentum`: share of the old statistics kept per step; short trainings need less than Keras' 0.99.
    """

    filters: tuple[int, ...] = (16, 32, 64, 128, 256)
    kernel_size: int = 5
    dropout: tuple[float, ...] = (0.4, 0.4, 0.4)
    batch_normalization: bool = True
    batch_normalization_momentum: float = 0.99

    def __post_init__(self) -> None:
        require(len(self.filters) >= 2, f"filters needs at least two levels, not {self.filters}")
        _require_whole(1, filters=self.filters, kernel_size=(self.kernel_size,))
        require(
            len(self.dropout) < len(self.filters),
            f"dropout has {len(self.dropout)} rates for {len(self.filters) - 1} decoder levels",
        )
        require(
            all(_is_number(rate) and 0 <= rate < 1 for rate in self.dropout),
            f"dropout rates must be in [0, 1), not {self.dropout}",
        )
        momentum = self.batch_normalization_momentum
        require(0 <= momentum < 1, f"batch_normalization_momentum must be in [0, 1), not {momentum}")


@dataclass(frozen=True)
class AugmentConfig(Config):
    """What is done to training examples, each with its own probability; 0 switches it off.

    Per song: `pitch_shift` by up to `pitch_semitones` (by resampling: tempo and formants move along), `time_stretch` by a factor
    between the two of `stretch_factors` (pitch stays). Per stem: `gain` by up to ± `gain_db`; `channel_swap`; `polarity`;
    `equaliser` with shelves and a peak of up to ± `equaliser_db`; `reverb` of `reverb_seconds` (to -60 dB) at `reverb_db` against
    the dry sound; `soft_clip` driven by `soft_clip_db` above full scale. Per example: `cross_mixing` takes target and
    accompaniment from different songs; `noise` adds white noise of `noise_db` against the mixture, to the mixture only;
    `time_mask` and `frequency_mask` silence up to `time_mask_frames` frames and `frequency_mask_bins` bins.
    """

    cross_mixing: float = 0.5
    gain: float = 1.0
    gain_db: float = 6.0
    channel_swap: float = 0.5
    polarity: float = 0.5
    noise: float = 0.5
    noise_db: tuple[float, ...] = (-60.0, -30.0)
    pitch_shift: float = 0.0
    pitch_semitones: float = 3.0
    time_stretch: float = 0.0
    stretch_factors: tuple[float, ...] = (0.85, 1.15)
    equaliser: float = 0.0
    equaliser_db: float = 8.0
    reverb: float = 0.0
    reverb_seconds: tuple[float, ...] = (0.2, 1.5)
    reverb_db: tuple[float, ...] = (-20.0, -6.0)
    soft_clip: float = 0.0
    soft_clip_db: tuple[float, ...] = (0.0, 9.0)
    time_mask: float = 0.0
    time_mask_frames: int = 16
    frequency_mask: float = 0.0
    frequency_mask_bins: int = 64

    NONE: ClassVar[AugmentConfig]
    PAPER: ClassVar[AugmentConfig]
    STRONG: ClassVar[AugmentConfig]

    def __post_init__(self) -> None:
        for key in AUGMENTATIONS:
            value = getattr(self, key)
            require(0 <= value <= 1, f"{key} is a probability and must be in [0, 1], not {value}")
        for key in ("gain_db", "equaliser_db"):
            require(0 <= getattr(self, key) <= 60, f"{key} must be in [0, 60] dB, not {getattr(self, key)}")
        require(0 <= self.pitch_semitones <= 12, f"pitch_semitones must be in [0, 12], not {self.pitch_semitones}")
        for key, least, most in (
            ("noise_db", -200, 60), ("reverb_db", -200, 20), ("soft_clip_db", -60, 60), ("stretch_factors", 0.5, 2),
            ("reverb_seconds", 0.01, 10),
        ):  # fmt: skip
            pair = getattr(self, key)
            require(
                len(pair) == 2 and all(map(_is_number, pair)) and least <= pair[0] <= pair[1] <= most,
                f"{key} must be two numbers in [{least}, {most}], the lower first, not {pair}",
            )
        _require_whole(1, time_mask_frames=(self.time_mask_frames,))
        _require_whole(1, frequency_mask_bins=(self.frequency_mask_bins,))


AUGMENTATIONS = (
    "cross_mixing", "gain", "channel_swap", "polarity", "noise", "pitch_shift", "time_stretch",
    "equaliser", "reverb", "soft_clip", "time_mask", "frequency_mask",
)  # fmt: skip
"""The fields of `AugmentConfig` that are probabilities."""

_SILENT: dict[str, Any] = dict.fromkeys(AUGMENTATIONS, 0.0)
AugmentConfig.NONE = AugmentConfig(**_SILENT)
AugmentConfig.PAPER = dataclasses.replace(AugmentConfig.NONE, cross_mixing=0.5, noise=0.5)
AugmentConfig.STRONG = AugmentConfig(
    pitch_shift=0.4, time_stretch=0.2, equaliser=0.3, reverb=0.15, soft_clip=0.1, time_mask=0.1, frequency_mask=0.1
)


@dataclass(frozen=True)
class TrainConfig(Config):
    """How a U-Net is trained; the defaults are the paper's settings where it states them (§3).

    `crop_frames`: length of a training example; the trained weights serve segments of any length.
    `loss`: `magnitude_l1` or `mask_l1`. `schedule`: `constant`, or `cosine` down to zero after a short warm-up.
    `early_stopping`: share of the epochs the validation loss may fail to improve before training ends; 0 never stops.
    `target`: the stem the network learns; all others of a song are its accompaniment. `augment`: see `AugmentConfig`.
    `vocals_gain_db`: the target is made this much louder on top, in validation too. Vocals are quieter than the rest, so a
    mask that lets nothing through is a local minimum of L1, which a short training does not leave by itself.
    `bad_songs`: `refuse` to train when a song cannot be used, or `skip` it and say so.
    `memory_mb`: decoded songs wait in at most this much memory; where they do not fit, they take turns.
    `validation_songs`: share of the songs that is kept for validation. `validation_crops`: examples taken from them.
    `minutes`: training ends after this time even if epochs are left, and the schedule is stretched to it; None: no limit.
    """

    framing: Framing = Framing.SPLEETER
    unet: UNetConfig = UNetConfig()
    crop_frames: int = 128
    batch_size: int = 8
    epochs: int = 100
    steps_per_epoch: int = 100
    learning_rate: float = 1e-4
    weight_decay: float = 1e-5
    schedule: str = "constant"
    loss: str = "magnitude_l1"
    early_stopping: float = 0.15
    target: str = "vocals"
    augment: AugmentConfig = AugmentConfig()
    vocals_gain_db: float = 0.0
    bad_songs: str = "refuse"
    memory_mb: int = 2048
    validation_songs: float = 0.1
    validation_crops: int = 64
    seed: int = 0
    minutes: float | None = None

    def __post_init__(self) -> None:
        for key in ("crop_frames", "batch_size", "epochs", "steps_per_epoch", "validation_crops"):
            _require_whole(1, **{key: (getattr(self, key),)})
        _require_whole(0, seed=(self.seed,))
        _require_whole(64, memory_mb=(self.memory_mb,))
        require(bool(self.target.strip()) and self.target != "mixture", f"target must name a stem, not {self.target!r}")
        bad = ("refuse", "skip")
        require(self.bad_songs in bad, f"bad_songs must be {' or '.join(bad)}, not {self.bad_songs!r}")
        require(0 <= self.early_stopping <= 1, f"early_stopping must be in [0, 1], not {self.early_stopping}")
        require(0 < self.validation_songs < 1, f"validation_songs must be between 0 and 1, not {self.validation_songs}")
        require(self.learning_rate > 0, f"learning_rate must be above 0, not {self.learning_rate}")
        require(self.weight_decay >= 0, f"weight_decay must not be negative, not {self.weight_decay}")
        require(abs(self.vocals_gain_db) <= 60, f"vocals_gain_db must be in [-60, 60], not {self.vocals_gain_db}")
        require(self.schedule in ("constant", "cosine"), f"schedule must be constant or cosine, not {self.schedule!r}")
        losses = ("magnitude_l1", "mask_l1")
        require(self.loss in losses, f"loss must be {' or '.join(losses)}, not {self.loss!r}")
        require(
            self.minutes is None or (_is_number(self.minutes) and self.minutes > 0),
            f"minutes must be above 0 or null, not {self.minutes!r}",
        )


PRESETS: dict[str, TrainConfig] = {
    "default": TrainConfig(learning_rate=1e-3, schedule="cosine"),
    "paper": TrainConfig(framing=Framing.PAPER, crop_frames=587, augment=AugmentConfig.PAPER),
    "tiny": TrainConfig(
        unet=UNetConfig(filters=(8, 16, 24, 32, 48, 64), dropout=(0.2,), batch_normalization_momentum=0.95),
        learning_rate=3e-3,
        schedule="cosine",
        crop_frames=64,
        steps_per_epoch=50,
        epochs=100,
        early_stopping=0.0,
        vocals_gain_db=8.0,
        validation_crops=32,
        minutes=2.0,
    ),
}
"""Ready settings: `paper` is the paper's, `default` what is worth starting with, `tiny` learns something in two minutes."""

"""How closely our Spleeter models give the original's samples: every model, setting and kind of input."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spleeter_bench.errors import BenchError
from spleeter_bench.report import Table
from spleeter_bench.sidecar.checkpoints import MODELS, ensure_checkpoint
from spleeter_bench.sidecar.environment import ensure_environment
from spleeter_bench.sidecar.weights import model_path
from spleeter_bench.systems import make_system
from spleeter_bench.systems.base import System
from spleeter_bench.tracks import example_path
from vocal_unet import Framing, Separator, read_audio, write_audio

LIMIT = 95.0
"""dB. Two float32 networks that sum in different orders agree to about 100 dB."""
RATE = Framing.SPLEETER.sample_rate
FULL_SEGMENT = Framing.SPLEETER.segment_step - Framing.SPLEETER.frame_length
"""A song of this many samples fills its first segment of 512 frames exactly; one more starts a second."""

CHOICES: dict[str, tuple[str, ...]] = {
    "models": MODELS,
    "bands": ("11kHz", "16kHz"),
    "extensions": ("zeros", "average"),
    "methods": ("mask", "mwf"),
    "inputs": ("stereo", "mono", "48kHz", "0.05s", "segment-1", "segment", "segment+1"),
}


@dataclass(frozen=True)
class Setting:
    """One way to run Spleeter."""

    model: str
    band: str
    extension: str
    method: str

    def __str__(self) -> str:
        return f"{self.model} {self.band} {self.extension} {self.method}"


@dataclass(frozen=True)
class Row:
    """What one setting gave: dB per input, the least of its stems'; infinite where no sample differs."""

    setting: Setting
    weights: str
    decibels: Mapping[str, float]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """For inputs below `LIMIT`: what the original itself does there."""

    @property
    def good(self) -> bool:
        return all(value >= LIMIT for value in self.decibels.values())


@dataclass(frozen=True)
class Input:
    """One test signal: what the original is handed, and the file that ours reads instead where it differs."""

    waveform: np.ndarray
    """float32 `(samples, channels)` at 44.1 kHz."""
    path: Path | None = None


def choose(**chosen: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The part of `CHOICES` that was asked for, in its order; an empty choice is all of it.

    Raises:
        BenchError: something that is no choice.
    """
    for key, values in chosen.items():
        unknown = sorted(set(values) - set(CHOICES[key]))
        if unknown:
            raise BenchError(f"parity knows no {unknown[0]!r} among its {key}; there are: {', '.join(CHOICES[key])}")
    return {
        key: tuple(value for value in values if value in (chosen.get(key) or values)) for key, values in CHOICES.items()
    }


def settings(choice: Mapping[str, Sequence[str]]) -> list[Setting]:
    """Every combination of the chosen models, bands, extensions and methods."""
    keys = ("models", "bands", "extensions", "methods")
    return [Setting(*values) for values in itertools.product(*(choice[key] for key in keys))]


def measure(
    choice: Mapping[str, Sequence[str]], checkpoints: Path | None = None, progress: Callable[[str], None] = print
) -> Iterator[Row]:
    """Run the original in its process and our code in this one, setting by setting.

    The signal is the real MUSDB18 clip that stempeg ships. `48kHz` is a file of that rate which ours separates from the file;
    the original is handed what our decoder makes of it, because its own needs an ffmpeg binary.

    Args:
        choice: what to run, from `choose`.
        checkpoints: folder whose `2stems`, … are used, made with generated weights where they are missing; None is a
            temporary folder.
        progress: called with a line about each step: checkpoints made, inputs done.

    Raises:
        SystemUnavailableError: the original cannot run here.
        SystemFailedError: it crashed.
        BenchError: a checkpoint cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="spleeter-parity-") as temporary:
        folder = checkpoints or Path(temporary) / "models"
        for model in choice["models"]:
            ensure_checkpoint(model, folder, progress)
        inputs = make_inputs(choice["inputs"], Path(temporary))
        with model_path(folder):
            for setting in settings(choice):
                yield _measure(setting, inputs, Path(temporary), progress)


def make_inputs(names: Sequence[str], folder: Path) -> dict[str, Input]:
    """The signals by name; files are written to `folder`."""
    clip, _ = read_audio(example_path(), sample_rate=RATE, channels=2)
    song = np.concatenate([clip, clip[::-1]])[: FULL_SEGMENT + 1]
    made = {
        "stereo": lambda: Input(clip),
        "mono": lambda: Input(clip[: 3 * RATE, :1]),
        "48kHz": lambda: _resampled(folder),
        "0.05s": lambda: Input(clip[RATE : RATE + 2205]),
        "segment-1": lambda: Input(song[: FULL_SEGMENT - 1]),
        "segment": lambda: Input(song[:FULL_SEGMENT]),
        "segment+1": lambda: Input(song),
    }
    return {name: made[name]() for name in names}


def make_table(rows: Sequence[Row]) -> Table:
    """One line per setting, one column per input."""
    inputs = [name for name in CHOICES["inputs"] if any(name in row.decibels for row in rows)]
    return Table(
        title=f"SNR of our stems to the original Spleeter's, in dB (least of the stems; at least {LIMIT:g} is asked for)",
        columns=("Setting", *inputs),
        rows=tuple(
            (str(row.setting), *(_decibels(row.decibels[name]) if name in row.decibels else "" for name in inputs))
            for row in rows
        ),
        footnotes=(
            "SNR is 10·log10(Σ original² / Σ (original − ours)²) over samples and channels. Two float32 networks that sum "
            "in different orders agree to about 100 dB.",
            "48kHz: our command reads the 48 kHz file; the original, whose decoder needs an ffmpeg binary, is handed the "
            "same file decoded by ours to 44.1 kHz.",
            *(
                f"{model}: weights: {weights}."
                for model, weights in {row.setting.model: row.weights for row in rows}.items()
            ),
            *(f"{row.setting}, {name}: {reason}" for row in rows for name, reason in row.reasons.items()),
        ),
    )


def snr(*, reference: np.ndarray, estimate: np.ndarray) -> float:
    """Signal-to-noise ratio in dB, in float64, over all samples and channels; infinite when nothing differs.

    Raises:
        BenchError: two shapes.
    """
    if reference.shape != estimate.shape:
        raise BenchError(f"the original gave an array of shape {reference.shape}, ours has {estimate.shape}")
    signal = np.sum(np.square(reference, dtype=np.float64))
    noise = np.sum(np.square(reference.astype(np.float64) - estimate))
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")


def _measure(setting: Setting, inputs: Mapping[str, Input], folder: Path, progress: Callable[[str], None]) -> Row:
    descriptor = _descriptor(setting, folder)
    ours = Separator(descriptor, mwf=setting.method == "mwf")
    decibels, reasons = {}, {}
    spec = f"spleeter:{descriptor.removeprefix('spleeter:')}{'@mwf' if setting.method == 'mwf' else ''}"
    with make_system(spec) as original:
        for name, signal in inputs.items():
            expected = original.separate(signal.waveform, RATE, name=name).stems
            decibels[name] = _least(expected, _our_stems(ours, signal, folder))
            if decibels[name] < LIMIT:
                reasons[name] = _reason(original, signal.waveform, expected)
            progress(f"{setting}, {name}: {_decibels(decibels[name])} dB")
        return Row(setting, original.info.weights, decibels, reasons)


def _least(expected: Mapping[str, np.ndarray], stems: Mapping[str, np.ndarray]) -> float:
    if set(expected) != set(stems):
        raise BenchError(f"the original gave the stems {', '.join(expected)}, ours {', '.join(stems)}")
    return min(snr(reference=samples, estimate=stems[stem]) for stem, samples in expected.items())


def _our_stems(separator: Separator, signal: Input, folder: Path) -> dict[str, np.ndarray]:
    if signal.path is None:
        return separator.separate(signal.waveform)
    paths = separator.separate_to_file(signal.path, folder / "ours", sample_format="float32")
    return {stem: read_audio(path)[0] for stem, path in paths.items()}


def _reason(original: System, waveform: np.ndarray, expected: Mapping[str, np.ndarray]) -> str:
    """Where equality ends: the original against itself on the same song with every sample one float32 step higher."""
    nudged = np.nextafter(waveform, np.float32(np.inf))
    own = _least(expected, original.separate(nudged, RATE, name="the nudged input").stems)
    return f"below {LIMIT:g} dB; the original differs as much from itself ({own:.1f} dB) when each sample moves by one step."


def _descriptor(setting: Setting, folder: Path) -> str:
    """A published name, or Spleeter's own JSON file with the mask extension changed."""
    name = setting.model + ("-16kHz" if setting.band == "16kHz" else "")
    if setting.extension == "zeros":
        return f"spleeter:{name}"
    resources = next(
        ensure_environment().parent.parent.glob(f"lib/python3*/site-packages/spleeter/resources/{name}.json")
    )
    path = folder / f"{name}-{setting.extension}.json"
    path.write_text(json.dumps({**json.loads(resources.read_text()), "mask_extension": setting.extension}))
    return str(path)


def _resampled(folder: Path) -> Input:
    path = folder / "48kHz.wav"
    write_audio(path, read_audio(example_path(), sample_rate=48000, channels=2)[0], 48000, sample_format="float32")
    return Input(read_audio(path, sample_rate=RATE)[0], path)


def _decibels(value: float) -> str:
    return "equal" if value == float("inf") else f"{value:.1f}"

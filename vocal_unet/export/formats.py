"""The formats: how each is written; and the export of a model into one of them, with its proof."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vocal_unet.config import require
from vocal_unet.errors import ConfigError, ModelError
from vocal_unet.export.description import CARD, description, model_card
from vocal_unet.export.proof import BOUNDS, Proof, network_input, proof_sound, run_fresh, size, worst_snr
from vocal_unet.export.target import new_target
from vocal_unet.exported import DESCRIPTION
from vocal_unet.loading import LoadedModel, load_model
from vocal_unet.separator import Separator
from vocal_unet.spleeter.checkpoint_writer import describe_network, save_for_spleeter
from vocal_unet.spleeter.pretrained import SOURCE_FILE


@dataclass(frozen=True)
class _Job:
    model: LoadedModel
    path: Path
    name: str
    """The target's, which `path` has not got yet."""
    precision: str
    card: str

    @property
    def description(self) -> str:
        return description(self.model, self.precision)


def _savedmodel(job: _Job) -> None:
    from vocal_unet.export.savedmodel import SeparatorModule

    with tempfile.TemporaryDirectory(prefix="vocal-unet-export-") as folder:
        assets = [Path(folder) / DESCRIPTION, Path(folder) / CARD]
        for path, text in zip(assets, (job.description, job.card), strict=True):
            path.write_text(text, encoding="utf-8")
        SeparatorModule(job.model).save(job.path, assets)


def _tflite(job: _Job) -> None:
    from vocal_unet.export.tflite import write_tflite

    write_tflite(job.model, job.path, job.description, job.card, job.precision)


def _onnx(job: _Job) -> None:
    from vocal_unet.export.onnx import write_onnx

    write_onnx(job.model, job.path, job.description, job.card)


def _keras(job: _Job) -> None:
    job.model.network.save(job.path)


def _checkpoint(job: _Job) -> None:
    model = job.model
    name = job.name.removesuffix(".json")
    described = describe_network(model.network, name, model.stems, model.framing, model.masking)
    save_for_spleeter(job.path, model.network, described)
    (job.path / described.model_dir / SOURCE_FILE).write_text(json.dumps({"source": model.weights}), encoding="utf-8")
    (job.path / CARD).write_text(job.card, encoding="utf-8")


@dataclass(frozen=True)
class Format:
    """One way to write a model."""

    write: Callable[[_Job], None]
    folder: bool
    """Whether the target is a folder."""
    precisions: tuple[str, ...] = ("float32",)
    needs: tuple[str, ...] = ()
    """Packages of the extra `export`."""
    suffix: str = ""
    """What the target's name must end in."""


FORMATS = {
    "savedmodel": Format(_savedmodel, folder=True),
    "tflite": Format(_tflite, folder=False, precisions=("float32", "float16", "int8")),
    "onnx": Format(_onnx, folder=False, needs=("onnx", "tf2onnx", "onnxruntime")),
    "keras": Format(_keras, folder=False, suffix=".keras"),
    "checkpoint": Format(_checkpoint, folder=True),
}


def export_model(
    model: str | LoadedModel,
    target: str | Path,
    format: str,
    *,
    precision: str = "float32",
    clip: Path | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> Proof:
    """Write a model in another format, run it in a fresh process, and keep it only if it gives what the source gives.

    Args:
        model: what `load_model` takes, or what it gave.
        target: file or folder to write.
        format: savedmodel, tflite, onnx, keras or checkpoint (Spleeter's: a folder with a JSON file and a model folder).
        precision: of the weights: float32, and for tflite also float16 and int8.
        clip: a song to prove it with; None is the clip that stempeg ships.
        force: replace an export that is there.
        progress: told what is being done.

    Raises:
        ConfigError: no such format, precision or model, or packages are missing.
        OutputError: the target is there already or cannot be written.
        ModelError: the format cannot carry the model, or the export gives something else than the source; nothing is left.
    """
    require(format in FORMATS, f"unknown format {format!r}; known: {', '.join(FORMATS)}")
    chosen = FORMATS[format]
    require(
        precision in chosen.precisions,
        f"the format {format} has no precision {precision!r}; it has {', '.join(chosen.precisions)}",
    )
    missing = [name for name in chosen.needs if importlib.util.find_spec(name) is None]
    require(
        not missing,
        f"the format {format} needs {', '.join(missing)}; install them with pip install 'vocal-unet[export]'",
    )
    target = Path(target).absolute()
    require(
        target.name.endswith(chosen.suffix),
        f"{target}: the name of a file in the format {format} ends in {chosen.suffix}",
    )
    with new_target(target, folder=chosen.folder, force=force) as path:
        loaded = load_model(model) if isinstance(model, str) else model
        if not isinstance(loaded, LoadedModel):
            raise ConfigError(f"{model}: is an export already; give the model it was made from")
        sound = proof_sound(loaded, clip)
        progress(f"writing {format}")
        card = model_card(loaded, model if isinstance(model, str) else "")
        write_format(loaded, path, format, precision, card, name=target.name)
        progress("comparing it with its source in a fresh process")
        proof = _prove(loaded, format, path, sound)
        if not proof.decibels >= BOUNDS[precision]:
            raise ModelError(
                f"{target}: the export differs from its source ({proof.decibels:.1f} dB SNR, at least {BOUNDS[precision]:g} dB "
                f"is asked for), so it was deleted"
            )
    return proof


def write_format(
    model: LoadedModel, path: Path, format: str, precision: str = "float32", card: str = "", name: str = ""
) -> None:
    """Write a model in another format, without a proof.

    Args:
        model: what to write.
        path: a file that is not there, or a folder that is empty or not there.
        format: as for `export_model`.
        precision: as for `export_model`.
        card: the model card; empty makes one.
        name: what the model is called in a checkpoint's files; empty is the path's.

    Raises:
        ModelError: the format cannot carry the model.
    """
    FORMATS[format].write(_Job(model, path, name or path.name, precision, card or model_card(model, "")))


def _prove(model: LoadedModel, format: str, path: Path, sound: np.ndarray) -> Proof:
    if format == "keras":
        given = network_input(model, sound)
        outputs = model.network.predict(given, verbose=0)
        expected = {name: np.asarray(output) for name, output in outputs.items()}
        sound = sound[: model.framing.segment_samples]
    else:
        given, expected = sound, Separator(model).separate(sound)
    load_seconds, seconds, arrays = run_fresh(f"{format}:{path}", {"sound": given})
    return Proof(
        decibels=worst_snr(expected, arrays["sound"]),
        bytes=size(path),
        load_seconds=load_seconds,
        seconds=seconds["sound"],
        sound_seconds=len(sound) / model.framing.sample_rate,
    )

"""What many tests share: quiet TensorFlow, small signals, generated models."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer

from vocal_unet import console

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def snr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Signal-to-noise ratio of an estimate in dB, in float64; infinite when they are equal."""
    assert reference.shape == estimate.shape
    error = np.sum((reference.astype(np.float64) - estimate) ** 2)
    return float(10 * np.log10(np.sum(reference.astype(np.float64) ** 2) / error)) if error else np.inf


def exit_code(app: typer.Typer, *arguments: object) -> int:
    """Run a command as its program does."""
    with pytest.raises(SystemExit) as ended:
        console.run(app, [str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture(scope="session")
def clip_path() -> Path:
    """The real MUSDB18 test clip that stempeg ships (found without importing stempeg, which wants an ffmpeg binary)."""
    spec = importlib.util.find_spec("stempeg")
    assert spec is not None and spec.submodule_search_locations
    return next(Path(spec.submodule_search_locations[0]).rglob("*.stem.mp4"))


@pytest.fixture
def tone() -> Callable[..., np.ndarray]:
    """Makes float32 `(samples, channels)`: two tones that swell, and a little noise."""

    def make(samples: int, channels: int = 2, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        time = np.arange(samples)[:, None] / 44100
        tones = np.sin(2 * np.pi * np.array([220.0, 331.0])[:channels] * time) * (1 + np.sin(5 * time)) * 0.25
        return (tones + 0.05 * rng.standard_normal((samples, channels))).astype(np.float32)

    return make


SMALL_JSON = {
    "model_dir": "small",
    "mix_name": "mix",
    "instrument_list": ["vocals", "accompaniment"],
    "sample_rate": 44100,
    "frame_length": 512,
    "frame_step": 128,
    "T": 64,
    "F": 192,
    "n_channels": 2,
    "separation_exponent": 2,
    "mask_extension": "zeros",
    "model": {"type": "unet.unet", "params": {"conv_n_filters": [2, 3, 4, 5, 6, 7]}},
}
"""A Spleeter configuration small enough for every test."""


def random_variables(model, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights and normalisation statistics for `vocal_unet.spleeter.checkpoint.variable_table`."""
    from vocal_unet.spleeter.checkpoint import variable_table

    rng = np.random.default_rng(seed)
    variables = {}
    for entry in variable_table(model):
        if entry.weight == "kernel":
            inputs = entry.shape[3] if "transpose" in entry.variable else entry.shape[2]
            spread = np.sqrt(2 / (entry.shape[0] * entry.shape[1] * inputs))
            value = spread * rng.standard_normal(entry.shape)
        elif entry.weight in ("gamma", "moving_variance"):
            value = rng.uniform(0.5, 2, entry.shape)
        else:
            value = 0.1 * rng.standard_normal(entry.shape)
        variables[entry.variable] = value.astype(np.float32)
    return variables


def make_small_spleeter(folder: Path) -> Path:
    """Write a small Spleeter JSON file, and its random weights into `folder/models`, which $MODEL_PATH has to name."""
    from vocal_unet.spleeter.checkpoint import write_checkpoint
    from vocal_unet.spleeter.configuration import spleeter_model

    path = folder / "small.json"
    path.write_text(json.dumps(SMALL_JSON))
    model = spleeter_model(str(path))
    write_checkpoint(folder / "models" / "small", random_variables(model), model)
    return path


@pytest.fixture
def small_spleeter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Path of a small Spleeter JSON file whose random weights lie in $MODEL_PATH."""
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "models"))
    return make_small_spleeter(tmp_path)


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with one small model as `savedmodel`, `model.tflite` and `model.onnx`, and `small.json` with `models/`."""
    from vocal_unet import load_model
    from vocal_unet.export.formats import write_format

    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_PATH", str(folder / "models"))
        model = load_model(make_small_spleeter(folder))
        for name, target in (("savedmodel", "savedmodel"), ("tflite", "model.tflite"), ("onnx", "model.onnx")):
            write_format(model, folder / target, name)
    return folder


@pytest.fixture
def exported_source(exports: Path, monkeypatch: pytest.MonkeyPatch):
    """The separator of the model in `exports`."""
    from vocal_unet import Separator

    monkeypatch.setenv("MODEL_PATH", str(exports / "models"))
    return Separator(exports / "small.json")

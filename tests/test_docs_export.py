"""The examples of docs/export.md run, and give what the package gives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tests.conftest import snr
from vocal_unet import Separator

PAGE = (Path(__file__).parents[1] / "docs" / "export.md").read_text(encoding="utf-8")
STEP = 64 * 128


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def section(title: str, language: str = "python") -> str:
    (found,) = re.findall(rf"## {title}\n.*?```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return found


@pytest.fixture
def folder(exports: Path, tmp_path: Path, tone, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples find in their working folder."""
    for target, name in (("savedmodel", "exported"), ("model.onnx", "vocals.onnx"), ("model.tflite", "vocals.tflite")):
        (tmp_path / name).symlink_to(exports / target)
    soundfile.write(tmp_path / "song.wav", tone(2 * STEP + 321), 44100, subtype="FLOAT")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def expected(folder: Path, exported_source: Separator) -> dict[str, np.ndarray]:
    return exported_source.separate(soundfile.read("song.wav", dtype="float32")[0])


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "docs/export.md", "exec"), names)
    return names


def test_tensorflow(folder: Path, expected: dict[str, np.ndarray]) -> None:
    names = run(section("TensorFlow"))
    for stem, samples in expected.items():
        assert snr(samples, names["by_signature"][stem].numpy()) >= 100
        assert snr(samples, names["stems"][stem].numpy()) >= 100
        assert (folder / f"{stem}.wav").is_file()


def test_the_shell(folder: Path, expected: dict[str, np.ndarray]) -> None:
    for line in section("TensorFlow", "sh").splitlines():
        line = line.replace("saved_model_cli", f"{sys.executable} -m tensorflow.python.tools.saved_model_cli")
        subprocess.run(line.replace("python -c", f"{sys.executable} -c"), shell=True, check=True, capture_output=True)
    for stem, samples in expected.items():
        assert snr(samples, np.load(folder / "stems" / f"{stem}.npy")) >= 100


def test_live(expected: dict[str, np.ndarray], capsys: pytest.CaptureFixture) -> None:
    names = run(section("Live, block by block"))
    assert names["played"] == 2 * STEP + 321
    segment_seconds = STEP / 44100
    assert segment_seconds / 2 < names["behind"] / 44100 < 1.2 * segment_seconds
    assert "s behind the input, the slowest call took" in capsys.readouterr().out


def test_onnx_runtime(expected: dict[str, np.ndarray]) -> None:
    names = run(section("ONNX Runtime"))
    assert snr(expected["vocals"], names["vocals"]) >= 100
    assert snr(expected["vocals"], names["streamed"]) >= 100


def test_tflite(expected: dict[str, np.ndarray]) -> None:
    code = section("TFLite").replace("window, hop = 4096, 1024", "window, hop = 512, 128")  # those of the small model
    assert snr(expected["vocals"], run(code)["vocals"]) >= 100


def test_serving_requests(folder: Path) -> None:
    rest, grpc = map(json.loads, blocks("json"))
    assert rest["signature_name"] == grpc["modelSpec"]["signatureName"] == "serving_default"
    from google.protobuf import json_format

    tensor = json_format.ParseDict(grpc["inputs"]["waveform"], tf.make_tensor_proto(0.0).__class__())
    signature = tf.saved_model.load("exported").signatures["serving_default"]
    by_rest = signature(waveform=tf.constant(rest["inputs"]["waveform"], tf.float32))
    by_grpc = signature(waveform=tf.constant(tf.make_ndarray(tensor)))
    assert by_rest["vocals"].shape == (3, 2)
    np.testing.assert_array_equal(by_rest["vocals"], by_grpc["vocals"])

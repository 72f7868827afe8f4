"""Exporting: the proof, every format, other networks; and every bad input one line with nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import exit_code, snr
from vocal_unet import Framing, Separator, UNetConfig, write_audio
from vocal_unet.cli import app
from vocal_unet.config import Masking
from vocal_unet.errors import ModelError, OutputError
from vocal_unet.export import formats, proof
from vocal_unet.export.formats import FORMATS, export_model, write_format
from vocal_unet.export.target import new_target
from vocal_unet.exported import load_exported
from vocal_unet.loading import LoadedModel
from vocal_unet.models.unet import build_unet

Run = Callable[..., tuple[int, str]]

FRAMING = Framing(frame_length=128, frame_step=32, segment_frames=10, bins=65)


@pytest.fixture
def run(capfd) -> Run:
    """Runs `vocal-unet export`; gives its exit code and its last line on standard error."""

    def call(*arguments: str | Path) -> tuple[int, str]:
        code = exit_code(app, "export", *arguments)
        lines = [line for line in capfd.readouterr().err.splitlines() if "I0000" not in line and line.strip()]
        return code, lines[-1] if lines else ""

    return call


@pytest.fixture
def quick_proof(monkeypatch: pytest.MonkeyPatch):
    """The proof without its process: gives what it is told to, and remembers what it was asked."""
    asked = []

    def prove(model: LoadedModel, format: str, path: Path, sound: np.ndarray) -> proof.Proof:
        asked.append((format, path.exists()))
        return proof.Proof(prove.decibels, 1_000_000, 1.0, 1.0, 10.0)  # type: ignore[attr-defined]

    prove.decibels, prove.asked = 130.0, asked  # type: ignore[attr-defined]
    monkeypatch.setattr(formats, "_prove", prove)
    return prove


def unet() -> LoadedModel:
    """A small U-Net of the paper's kind with all its options; its frames and bins do not halve evenly."""
    keras.utils.set_random_seed(1)
    network = build_unet(FRAMING, UNetConfig(filters=(2, 3, 4), dropout=(0.2,), first_stride=2, frequency_bottleneck=8))
    for variable in network.variables:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(keras.random.uniform(variable.shape, 0.5, 1.5, seed=2))
    return LoadedModel("small", network, FRAMING, Masking(kind="complement"), ("vocals", "accompaniment"), "random")


@pytest.mark.parametrize(
    ("format", "precision", "least"),
    [("savedmodel", "float32", 120), ("onnx", "float32", 100), *(("tflite", p, b) for p, b in proof.BOUNDS.items())],
)
def test_the_papers_network_in_every_format(format: str, precision: str, least: float, tmp_path: Path, tone) -> None:
    model = unet()
    write_format(model, tmp_path / "export", format, precision)
    exported = load_exported(f"{format}:{tmp_path / 'export'}")
    waveform = tone(1000)
    for stem, expected in Separator(model).separate(waveform).items():
        assert snr(expected, exported.separate(waveform)[stem]) >= least


def test_the_proof_runs_a_fresh_process(run: Run, small_spleeter: Path, tmp_path: Path, tone) -> None:
    write_audio(tmp_path / "clip.wav", tone(9000), 44100)
    target = tmp_path / "new" / "network.keras"
    code, said = run(small_spleeter, target, "-f", "keras", "--clip", tmp_path / "clip.wav")
    assert code == 0 and "dB SNR against its source" in said and "real-time factor" in said
    assert [path.name for path in target.parent.iterdir()] == ["network.keras"]
    keras.saving.load_model(target)


def test_an_export_that_differs_is_deleted(small_spleeter: Path, tmp_path: Path, quick_proof) -> None:
    quick_proof.decibels = 89.9
    with pytest.raises(
        ModelError, match=r"differs from its source \(89\.9 dB SNR, at least 90 dB is asked for\), so it was"
    ):
        export_model(str(small_spleeter), tmp_path / "a.keras", "keras")
    assert quick_proof.asked == [("keras", True)]
    quick_proof.decibels = float("nan")
    with pytest.raises(ModelError, match="differs"):
        export_model(str(small_spleeter), tmp_path / "a.keras", "keras")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "small.json"]


def test_a_fresh_process_that_fails_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"garbage")
    with pytest.raises(ModelError, match=r"the export does not run: .*bad\.onnx"):
        proof.run_fresh(f"onnx:{tmp_path / 'bad.onnx'}", {"sound": np.zeros((10, 2), np.float32)})


def test_the_worst_stem_counts() -> None:
    stems = {"a": np.ones((10, 2)), "b": np.ones((10, 2))}
    assert proof.worst_snr(stems, stems) == np.inf
    assert proof.worst_snr(stems, {"a": stems["a"], "stream: b": stems["b"] * 1.01}) == pytest.approx(40)
    assert proof.worst_snr(stems, {"a": stems["a"][:9]}) == -np.inf
    assert proof.worst_snr(stems, {"a": stems["a"] * np.nan}) == -np.inf


def test_existing_targets(small_spleeter: Path, tmp_path: Path, run: Run, quick_proof) -> None:
    target = tmp_path / "there.keras"
    target.write_text("old")
    code, said = run(small_spleeter, target, "-f", "keras")
    assert code == 4 and said.endswith("there.keras: exists already; give another name or use --force to replace it")
    assert target.read_text() == "old"
    code, _ = run(small_spleeter, target, "-f", "keras", "--force")
    assert code == 0 and target.stat().st_size > 1000
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    code, said = run(small_spleeter, tmp_path / "mine", "-f", "checkpoint", "--force")
    assert code == 4 and "something else than an export" in said
    assert run(small_spleeter, tmp_path / "made", "-f", "checkpoint")[0] == 0
    assert run(small_spleeter, tmp_path / "made", "-f", "checkpoint", "--force")[0] == 0
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["made", "made.json", "model_card.md"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("out", "-f", "mp3"), 2, "unknown format 'mp3'; known: savedmodel, tflite, onnx, keras, checkpoint"),
        (("out", "-f", "onnx", "--precision", "int8"), 2, "the format onnx has no precision 'int8'; it has float32"),
        (("out", "-f", "keras"), 2, "ends in .keras"),
        (("/proc/out", "-f", "savedmodel"), 4, "/proc/out: cannot be written"),
        (("out.keras", "-f", "keras", "--clip", "none.wav"), 3, "none.wav"),
    ],
)
def test_bad_input_is_one_line(
    arguments, code: int, message: str, run: Run, small_spleeter: Path, tmp_path: Path
) -> None:
    target, *rest = arguments
    before = sorted(tmp_path.iterdir())
    got, said = run(small_spleeter, tmp_path / target, *rest)
    assert got == code and said.startswith("error: ") and message in said
    assert sorted(tmp_path.iterdir()) == before


def test_a_model_that_is_none_leaves_nothing(run: Run, tmp_path: Path, exports: Path) -> None:
    assert run(tmp_path / "no model", tmp_path / "out")[0] == 2
    code, said = run(f"onnx:{exports / 'model.onnx'}", tmp_path / "out")
    assert code == 2 and "is an export already" in said
    assert not list(tmp_path.iterdir())


@keras.saving.register_keras_serializable("tests")
class Erfinv(keras.layers.Layer):
    """An operation that TFLite and ONNX lack."""

    def call(self, x):  # type: ignore[no-untyped-def]
        return tf.math.erfinv(x)


@pytest.mark.parametrize(("format", "name"), [("tflite", "TFLite"), ("onnx", "ONNX")])
def test_an_operation_that_a_format_cannot_carry(format: str, name: str, tmp_path: Path) -> None:
    mixture = keras.Input((10, 65, 2))
    network = keras.Model(mixture, {"mask": Erfinv()(keras.layers.Activation("sigmoid")(mixture))})
    model = LoadedModel("odd", network, FRAMING, Masking(kind="complement"), ("vocals", "accompaniment"), "none")
    with pytest.raises(ModelError, match=f"odd: {name} cannot carry .*Erfinv.*, which the network uses") as caught:
        export_model(model, tmp_path / "odd", format)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_network_of_ours_is_no_checkpoint_of_spleeters(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no network of Spleeter's architecture"):
        export_model(unet(), tmp_path / "out", "checkpoint")
    assert not list(tmp_path.iterdir())


def test_packages_that_are_missing(tmp_path: Path, run: Run, small_spleeter: Path, monkeypatch) -> None:
    find = formats.importlib.util.find_spec
    monkeypatch.setattr(
        formats.importlib.util, "find_spec", lambda name, *rest: None if name == "tf2onnx" else find(name, *rest)
    )
    code, said = run(small_spleeter, tmp_path / "out", "-f", "onnx")
    assert code == 2 and said.endswith("needs tf2onnx; install them with pip install 'vocal-unet[export]'")


def test_an_error_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    with pytest.raises(RuntimeError), new_target(tmp_path / "old", folder=False, force=True) as path:
        path.write_text("half")
        raise RuntimeError
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]
    with pytest.raises(OutputError, match="something else"), new_target(tmp_path, folder=False, force=True):
        pass


def test_every_format_is_in_the_help(run: Run, capfd) -> None:
    assert exit_code(app, "export", "--help") == 0
    said = capfd.readouterr().out
    assert all(name in said for name in FORMATS)

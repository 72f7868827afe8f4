"""What separates when nobody names a model, and the model that comes with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import exit_code, snr
from vocal_unet import SHIPPED, Separator, read_audio, write_audio
from vocal_unet.cli import app
from vocal_unet.export.formats import export_model
from vocal_unet.loading import DEFAULT, DEMO, default_model


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "models"))
    return tmp_path / "models"


def test_spleeters_weights_come_first_where_they_are(models: Path) -> None:
    assert default_model() == DEMO
    (models / "2stems").mkdir(parents=True)
    assert default_model() == DEMO  # the original leaves such folders behind
    for name in ("model.index", "model.data-00000-of-00001"):
        (models / "2stems" / name).touch()
    assert default_model() == DEFAULT


def test_separate_works_the_moment_it_is_installed_and_says_with_what(
    models: Path, tmp_path: Path, tone, capfd
) -> None:
    write_audio(tmp_path / "song.wav", tone(30_000), 44100)
    assert exit_code(app, "separate", tmp_path / "song.wav", "-o", tmp_path / "out") == 0
    printed = capfd.readouterr()
    assert len(printed.out.splitlines()) == 2
    note, model = printed.err.splitlines()
    assert "no model named" in note and f"-p {DEFAULT}" in note
    assert model.startswith(f"{DEMO}: ")
    stems = [read_audio(tmp_path / "out" / "song" / f"{stem}.wav")[0] for stem in ("vocals", "accompaniment")]
    assert all(len(stem) == 30_000 for stem in stems)
    assert not models.exists()


def test_the_shipped_model_is_small_says_its_licence_and_its_stems_sum_to_the_mixture(tone) -> None:
    folder = SHIPPED["demo"]
    assert sum(file.stat().st_size for file in folder.iterdir()) < 20e6
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in card and "Producer Space" in card and "cannot do" in card
    separator = Separator(DEMO, band="rest")
    mixture = tone(60_000)
    assert snr(mixture, np.sum(list(separator.separate(mixture).values()), axis=0)) > 100  # float32


def test_the_shipped_model_goes_to_onnx(tmp_path: Path) -> None:
    """A million magnitudes make its loudness, which ONNX Runtime must not add up one after the other."""
    for package in ("onnx", "tf2onnx", "onnxruntime"):
        pytest.importorskip(package)
    proof = export_model(DEMO, tmp_path / "demo.onnx", "onnx")
    assert proof.decibels > 110


def test_the_shipped_model_goes_to_eight_bits(tmp_path: Path) -> None:
    """Its weights do; energies of notes, some 80 dB apart, must not."""
    proof = export_model(DEMO, tmp_path / "demo.tflite", "tflite", precision="int8")
    assert proof.decibels > 40  # some 45; 14 with the energies in 8 bits

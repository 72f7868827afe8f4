"""Exports as models of the package: whole songs, streams, the command; and files that are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import exit_code, snr
from vocal_unet import Separator, read_audio, write_audio
from vocal_unet.cli import app
from vocal_unet.errors import ConfigError, ModelError
from vocal_unet.exported import load_exported

KINDS = {"savedmodel": "savedmodel", "onnx": "model.onnx", "tflite": "model.tflite"}
STEP = 64 * 128


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_gives_what_its_source_gives(kind: str, exports: Path, exported_source: Separator, tone) -> None:
    model = load_exported(f"{kind}:{exports / KINDS[kind]}")
    separator = Separator(model)
    assert (separator.stems, separator.sample_rate) == (exported_source.stems, 44100)
    assert separator.weights == exported_source.weights
    for waveform in (tone(2 * STEP + 99), tone(2205), tone(STEP, channels=1)):
        expected = exported_source.separate(waveform)
        whole, streamed = model.separate(waveform), separator.separate(waveform)
        for stem in expected:
            # matrix products in place of an FFT, and another runtime's order of sums: about 130 dB
            assert snr(expected[stem], whole[stem]) >= 100
            assert snr(expected[stem], streamed[stem]) >= 100


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_any_blocks_give_the_same(kind: str, exports: Path, exported_source: Separator, tone) -> None:
    separator = Separator(f"{kind}:{exports / KINDS[kind]}")
    waveform = tone(2 * STEP)
    expected = exported_source.separate(waveform)["vocals"]
    for block in (777, 5000):
        blocks = [waveform[start : start + block] for start in range(0, len(waveform), block)]
        parts = [stems["vocals"] for stems in separator.stream(blocks)]
        assert snr(expected, np.concatenate(parts)) >= 100


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_the_runtimes_need_no_tensorflow(kind: str, exports: Path) -> None:
    code = (
        "import sys\nfrom vocal_unet.exported import load_exported\nload_exported(sys.argv[1])\n"
        "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    spec = f"{kind}:{exports / KINDS[kind]}"
    done = subprocess.run([sys.executable, "-c", code, spec], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_command_separates_with_an_export(exports: Path, exported_source: Separator, tmp_path: Path, tone) -> None:
    write_audio(tmp_path / "song.wav", tone(20_000), 44100, sample_format="float32")
    arguments = ["separate", tmp_path / "song.wav", "-p", f"onnx:{exports / 'model.onnx'}", "-o", tmp_path / "out"]
    assert exit_code(app, *arguments, "--sample-format", "float32") == 0
    vocals, _ = read_audio(tmp_path / "out" / "song" / "vocals.wav")
    assert snr(exported_source.separate(tone(20_000))["vocals"], vocals) >= 100


def test_an_export_has_its_masks_built_in(exports: Path) -> None:
    spec = f"onnx:{exports / 'model.onnx'}"
    for settings in ({"mwf": True}, {"band": "rest"}):
        with pytest.raises(ConfigError, match="need the model it was made from"):
            Separator(spec, **settings)


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_are_no_exports(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing: no such file or folder"):
        load_exported(f"{kind}:{tmp_path / 'nothing'}")
    bad = tmp_path / "bad"
    if kind == "savedmodel":
        bad.mkdir()
        (bad / "saved_model.pb").write_bytes(b"garbage")
    else:
        bad.write_bytes(b"garbage")
    with pytest.raises(ModelError, match=r"bad: (was not made by 'vocal-unet export'|cannot be loaded)"):
        load_exported(f"{kind}:{bad}")

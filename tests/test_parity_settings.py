"""Models that users trained with their own JSON files, against the original Spleeter in its own process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spleeter_bench.sidecar.checkpoints import generate_checkpoint
from spleeter_bench.systems import make_system
from tests.conftest import snr
from vocal_unet import Separator

pytestmark = [pytest.mark.original, pytest.mark.slow]

COMMON = {"mix_name": "mix", "sample_rate": 44100, "T": 64, "n_channels": 2, "model_dir": "own"}
FILTERS = [3, 2, 5, 4, 8, 6]
MODELS = {
    "softmax, exponent 1, average": {
        **COMMON,
        "instrument_list": ["vocals", "guitar", "rest"],
        "frame_length": 4096,
        "frame_step": 1024,
        "F": 512,
        "separation_exponent": 1,
        "mask_extension": "average",
        "model": {
            "type": "unet.softmax_unet",
            "params": {"conv_n_filters": FILTERS, "conv_activation": "ReLU", "deconv_activation": "LeakyReLU"},
        },
    },
    "exponent 0.5, short frames": {
        **COMMON,
        "instrument_list": ["accompaniment", "vocals"],
        "frame_length": 2048,
        "frame_step": 512,
        "F": 1024,
        "separation_exponent": 0.5,
        "mask_extension": "zeros",
        "model": {"type": "unet.unet", "params": {"conv_n_filters": FILTERS, "deconv_activation": "ELU"}},
    },
}


@pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS)
def test_a_users_model_gives_the_originals_samples(settings: dict, tmp_path: Path, tone, monkeypatch) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps(settings))
    generate_checkpoint(str(path), tmp_path, seed=2)
    monkeypatch.setenv("MODEL_PATH", str(tmp_path))
    waveform = tone(3 * 44100)  # three segments, the last one cut short
    for suffix, mwf in (("", False), ("@mwf", True)):
        with make_system(f"spleeter:{path}{suffix}") as system:
            expected = system.separate(waveform, 44100).stems
        stems = Separator(path, mwf=mwf).separate(waveform)
        assert list(stems) == settings["instrument_list"]
        for stem, samples in expected.items():
            # Two float32 networks that sum in different orders agree to about 100 dB.
            assert snr(samples, stems[stem]) >= 95, f"{stem}, {suffix or 'mask'}"

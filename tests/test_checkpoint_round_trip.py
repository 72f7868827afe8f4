"""Spleeter's checkpoint → our Keras network → a TensorFlow 1 checkpoint → the original Spleeter 2.4.2 in its process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench.sidecar.checkpoints import generate_checkpoint
from spleeter_bench.systems import make_system
from tests.conftest import SMALL_JSON, snr
from vocal_unet import load_model, read_audio
from vocal_unet.spleeter.checkpoint_writer import describe_network, save_for_spleeter

pytestmark = pytest.mark.original

FILTERS = {"conv_n_filters": [8, 16, 32, 64, 64, 64]}
MODELS = {
    "filters": {**SMALL_JSON, "frame_length": 4096, "frame_step": 1024, "T": 128, "F": 1024},
    "softmax": {**SMALL_JSON, "instrument_list": ["vocals", "bass", "rest"], "mask_extension": "average"},
}
MODELS["filters"]["model"] = {"type": "unet.unet", "params": FILTERS}
MODELS["softmax"]["model"] = {"type": "unet.softmax_unet", "params": {**FILTERS, "conv_activation": "ELU"}}


@pytest.mark.parametrize("name", ["filters", "softmax", pytest.param("spleeter:2stems", marks=pytest.mark.slow)])
def test_the_original_runs_what_we_write(
    name: str, tmp_path: Path, clip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = name
    if name in MODELS:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(MODELS[name]))
        descriptor = str(path)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    generate_checkpoint(descriptor, theirs, seed=2)
    clip = read_audio(clip_path)[0][:150_000]
    monkeypatch.setenv("MODEL_PATH", str(theirs))
    with make_system(f"spleeter:{descriptor.removeprefix('spleeter:')}") as system:
        expected = system.separate(clip, 44100).stems
    loaded = load_model(descriptor)
    ours.mkdir()
    model = describe_network(loaded.network, "written", loaded.stems, loaded.framing, loaded.masking)
    written = save_for_spleeter(ours, loaded.network, model)
    monkeypatch.setenv("MODEL_PATH", str(ours))
    with make_system(f"spleeter:{written}") as system:
        estimates = system.separate(clip, 44100).stems
    assert estimates.keys() == expected.keys()
    ratios = {stem: snr(np.asarray(expected[stem]), np.asarray(estimates[stem])) for stem in expected}
    print(f"{name}: {ratios}")
    # The weights are the same bits; what the original adds up in two processes may still differ in its last bits.
    assert min(ratios.values()) >= 95

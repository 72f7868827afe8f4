"""What the tool that ships the default model works out: energies that come through, and the calibration that follows."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest

from vocal_unet.config import FRAMINGS, CoarseConfig, Framing, TrainConfig, UNetConfig
from vocal_unet.data.sources import open_songs
from vocal_unet.errors import ModelError
from vocal_unet.models.coarse import build_coarse
from vocal_unet.models.unet import build_unet, mask_offsets

TOOL = Path(__file__).parents[2] / "tools" / "ship_demo_model"
SETTINGS = TrainConfig(
    framing=Framing(frame_length=512, frame_step=128, segment_frames=64, bins=256),
    unet=UNetConfig(filters=(2, 3), dropout=()),
)


def same_everywhere(logit: float) -> keras.Model:
    """A network whose mask's logits are one number, whatever it hears."""
    network = build_unet(SETTINGS.framing, SETTINGS.unet)
    network.set_weights([*(0 * w for w in network.get_weights()[:-1]), np.full(2, logit, np.float32)])
    return network


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    loader = SourceFileLoader("ship_demo_model", str(TOOL))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_energies_of_a_mask_that_is_the_same_everywhere(tool: ModuleType) -> None:
    network = same_everywhere(-0.3)
    steps = [-1.0, 0.0]
    kept, leaked = tool.passed_energies(network, open_songs("generated:2:5:3"), SETTINGS, steps)
    assert kept.shape == leaked.shape == (2, 256)
    # Every bin lets the same share of its own energy through, and the bins' energies together are all there is.
    for passed in (kept, leaked):
        np.testing.assert_allclose(passed.sum(axis=1), 1 / (1 + np.exp(0.3 - np.array(steps))) ** 2, rtol=1e-5)


def test_the_calibration_keeps_the_most_of_all_that_leak_so_little(tool: ModuleType) -> None:
    framing = FRAMINGS["spleeter"]
    rng = np.random.default_rng(0)
    # Squared sigmoids of one logit per bin; low frequencies are harder to tell apart than high ones.
    voices, others = rng.normal(1, 1, framing.bins), rng.normal(np.linspace(1, -3, framing.bins), 1)
    energy = rng.gamma(0.5, 1, framing.bins)
    kept, leaked = (
        energy / energy.sum() / (1 + np.exp(-logits - tool.STEPS[:, None])) ** 2 for logits in (voices, others)
    )
    most = 10 ** (tool.MOST_LEAK_DB / 10)
    assert leaked[-1].sum() > most, "nothing to do"

    offsets = tool.most_kept(kept, leaked, framing)
    assert len(offsets) == tool.HALF_OCTAVES and min(offsets) >= -3 and max(offsets) <= 0.5
    share = {
        name: tool.through(energies, mask_offsets(framing, offsets))
        for name, energies in (("kept", kept), ("leaked", leaked))
    }
    # A price has one best step for each half octave, so what leaks jumps by some per cent with the price; offsets interpolated
    # between half octaves let through a little more or less than those of the nearest half octave.
    assert 0.9 * most < share["leaked"] < 1.01 * most

    even = [np.full(framing.bins, offset) for offset in tool.STEPS]  # all logits moved by the same amount
    best = max(tool.through(kept, curve) for curve in even if tool.through(leaked, curve) <= most)
    assert share["kept"] > 1.02 * best


def test_trainings_become_one_network_that_says_what_comes_through_it(tool: ModuleType, tmp_path: Path) -> None:
    objector = build_coarse(SETTINGS.framing, CoarseConfig(filters=(2, 2, 2, 3), blocks=1))
    objects = dataclasses.replace(
        SETTINGS, arch="coarse", loss="cell_cross_entropy", coarse=CoarseConfig(filters=(2, 2, 2, 3), blocks=1)
    )
    for number, name, network, settings in (
        (1, "demo-1", same_everywhere(2.0), SETTINGS),
        (2, "demo-2", same_everywhere(4.0), SETTINGS),
        (3, "veto", objector, objects),
    ):
        folder = tmp_path / name
        folder.mkdir()
        network.save(folder / "model.keras")
        rows = f"| network | unet, filters 2, 3, {network.count_params()} parameters |\n| data | `songs {number}` |\n"
        (folder / "model_card.md").write_text(f"# card\n\n{rows}| loss | {number}.0 |\n", encoding="utf-8")
        training = settings.to_dict()
        config = {"framing": training.pop("framing"), "training": training, "data": f"songs {number}", "minutes": 1.5}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "demo-3").mkdir()  # not finished

    trained = tool.trainings(tmp_path, "demo")
    assert [folder.name for folder in trained] == ["demo-1", "demo-2"]
    songs = open_songs("generated:1:5:3")
    said = tool.join(trained, tmp_path / "veto", tmp_path / "joined", songs)
    config = json.loads((tmp_path / "joined" / "config.json").read_text(encoding="utf-8"))
    assert config["minutes"] == 4.5 and config["training"]["unet"]["members"] == 2
    assert config["training"]["unet"]["mask_agreement"] == list(tool.AGREEMENT_DB)
    assert config["training"]["unet"]["veto_db"] == tool.VETO_DB
    assert config["training"]["unet"]["veto"]["filters"] == [2, 2, 2, 3]
    # A mask of 0.95 lets through too much until all logits, or those of most energy, are lowered as far as they go.
    assert min(config["training"]["unet"]["mask_offsets"]) == -3
    assert "come out as vocals" in said
    joined = keras.saving.load_model(tmp_path / "joined" / "model.keras", compile=False)
    logits = keras.Model(joined.input, joined.get_layer("mean_logits").output)
    np.testing.assert_allclose(logits(np.ones((1, 64, 256, 2)), training=False), 3, rtol=1e-6)
    assert (tmp_path / "joined" / "model_card.md").read_text(encoding="utf-8").splitlines() == [
        "# card",
        "",
        f"| network | 2 × unet, filters 2, 3, their logits averaged, {joined.count_params():,} parameters |",
        "| data | `songs 1` |",
        "| loss (1) | 1.0 |",
        "| loss (2) | 2.0 |",
    ]
    for name in ("cells_1_conv", "cell_mask"):
        expected, given = objector.get_layer(name).get_weights(), joined.get_layer(f"veto_{name}").get_weights()
        np.testing.assert_array_equal(given[0], expected[0])

    with pytest.raises(ModelError, match="demo-1: holds no coarse network"):
        tool.join(trained, tmp_path / "demo-1", tmp_path / "joined", songs)

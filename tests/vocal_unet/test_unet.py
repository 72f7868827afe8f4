"""The U-Net: shapes at both framings, a mask that is one, gain invariance, saving and loading."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from vocal_unet.config import FRAMINGS, CoarseConfig, Framing, UNetConfig
from vocal_unet.errors import ConfigError
from vocal_unet.models.unet import agreed, build_unet, join_members

SMALL = UNetConfig(filters=(2, 3, 4, 5), dropout=(0.3,))
COARSE = CoarseConfig(filters=(2, 3, 4, 5), blocks=2)
SHORT = Framing(frame_length=512, frame_step=128, segment_frames=13, bins=90)
"""Neither 13 nor 90 is a multiple of 8."""


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same weights in every run: some draw masks so near 0 or 1 that float32 has too few digits for their logits."""
    keras.utils.set_random_seed(0)


def magnitudes(framing: Framing, segments: int = 1, seed: int = 0) -> np.ndarray:
    shape = (segments, framing.segment_frames, framing.bins, framing.channels)
    return np.random.default_rng(seed).gamma(0.5, 20, shape).astype(np.float32)


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
def test_shapes_at_both_framings(framing: Framing) -> None:
    network = build_unet(framing, SMALL)
    mixture = magnitudes(framing)
    outputs = network(mixture, training=False)
    assert set(outputs) == {"mask", "vocals"}
    mask, vocals = (keras.ops.convert_to_numpy(outputs[key]) for key in ("mask", "vocals"))
    assert mask.shape == vocals.shape == mixture.shape
    assert mask.min() >= 0 and mask.max() <= 1 and mask.std() > 1e-4
    np.testing.assert_allclose(vocals, mask * mixture, rtol=1e-6)


def test_the_mask_does_not_depend_on_the_gain() -> None:
    network = build_unet(SHORT, SMALL)
    mixture = magnitudes(SHORT)
    masks = [keras.ops.convert_to_numpy(network(gain * mixture, training=False)["mask"]) for gain in (1.0, 0.01, 100.0)]
    # SILENCE = 1e-4 is added to a loudness of 0.3 at the lowest gain.
    np.testing.assert_allclose(masks[1], masks[0], atol=1e-3)
    np.testing.assert_allclose(masks[2], masks[0], atol=1e-3)


def test_silent_frames_do_not_change_the_loudness_of_the_others() -> None:
    network = build_unet(dataclasses.replace(SHORT, segment_frames=200), SMALL)
    mixture = magnitudes(dataclasses.replace(SHORT, segment_frames=200))
    mixture[:, 100:] = 0
    more = mixture.copy()
    more[:, 150:] = magnitudes(dataclasses.replace(SHORT, segment_frames=50), seed=1)
    masks = [keras.ops.convert_to_numpy(network(x, training=False)["mask"]) for x in (mixture, 3 * mixture, more)]
    np.testing.assert_allclose(masks[1], masks[0], atol=1e-3)
    # Far from the changed frames only the loudness can reach; both halves are drawn from one distribution.
    np.testing.assert_allclose(masks[2][:, :90], masks[0][:, :90], atol=0.02)


def test_silence_gives_silence() -> None:
    outputs = build_unet(SHORT, SMALL)(np.zeros_like(magnitudes(SHORT)), training=False)
    assert np.isfinite(keras.ops.convert_to_numpy(outputs["mask"])).all()
    assert not keras.ops.convert_to_numpy(outputs["vocals"]).any()


def test_layer_names_are_stable() -> None:
    names = [layer.name for layer in build_unet(SHORT, SMALL).layers if layer.weights]
    assert names == [layer.name for layer in build_unet(SHORT, SMALL).layers if layer.weights]
    assert names[:3] == ["input_normalization", "encoder_1_conv", "encoder_1_norm"]
    assert {"encoder_3_conv", "bottom_conv", "decoder_3_up", "decoder_1_up", "mask_conv"} <= set(names)


def test_the_paper_s_ingredients_are_there() -> None:
    network = build_unet(SHORT, SMALL)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("MaxPooling2D") == kinds.count("Conv2DTranspose") == kinds.count("Concatenate") == 3
    assert kinds.count("Dropout") == 1 and "Lambda" not in kinds
    assert isinstance(network.get_layer("encoder_1_conv").kernel_initializer, keras.initializers.GlorotUniform)


def test_without_batch_normalization() -> None:
    network = build_unet(SHORT, dataclasses.replace(SMALL, batch_normalization=False))
    assert not [layer.name for layer in network.layers if layer.name.endswith("_norm")]


def test_saved_and_loaded_networks_are_equal(tmp_path: Path) -> None:
    network = build_unet(SHORT, SMALL)
    rng = np.random.default_rng(0)
    network.set_weights([np.abs(w + 0.1 * rng.standard_normal(w.shape)) for w in network.get_weights()])
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    mixture = magnitudes(SHORT, segments=2)
    for key, expected in network(mixture, training=False).items():
        np.testing.assert_array_equal(expected, loaded(mixture, training=False)[key])


def test_weights_of_short_crops_fit_whole_segments() -> None:
    crop = build_unet(SHORT, SMALL)
    whole = build_unet(dataclasses.replace(SHORT, segment_frames=64), SMALL)
    whole.set_weights(crop.get_weights())
    for one, other in zip(crop.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_members_are_asked_and_the_mask_is_their_mean(tmp_path: Path) -> None:
    members = [build_unet(SHORT, SMALL) for _ in range(3)]
    network = build_unet(SHORT, dataclasses.replace(SMALL, members=3))
    join_members(network, members)
    network.save(tmp_path / "model.keras")
    network = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    mixture = magnitudes(SHORT)
    masks = [keras.ops.convert_to_numpy(each(mixture, training=False)["mask"]) for each in (network, *members)]
    logits = [np.log(mask) - np.log1p(-mask) for mask in map(np.float64, masks)]
    assert min(np.std(one - other) for one, other in itertools.combinations(logits, 2)) > 0.01
    np.testing.assert_allclose(logits[0], np.mean(logits[1:], axis=0), atol=1e-3)  # masks are float32

    for others in (members[:2], [*members[:2], build_unet(SHORT, dataclasses.replace(SMALL, filters=(2, 3, 4, 6)))]):
        with pytest.raises(ValueError, match="not the members"):
            join_members(network, others)


def test_mask_offsets_move_the_logits_by_frequency(tmp_path: Path) -> None:
    framing = dataclasses.replace(SHORT, sample_rate=51200)  # bins of 100 Hz
    plain = build_unet(framing, SMALL)
    moved = build_unet(framing, dataclasses.replace(SMALL, mask_offsets=(-1.0, 0.5, 1.0, 0.0)))
    moved.set_weights(plain.get_weights())
    moved.save(tmp_path / "model.keras")
    moved = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    before, after = (
        keras.ops.convert_to_numpy(network(magnitudes(framing), training=False)["mask"]).astype(np.float64)
        for network in (plain, moved)
    )
    difference = np.log(after / (1 - after)) - np.log(before / (1 - before))
    # 100, 141, 200 and 283 Hz are half an octave apart
    expected = {0: -1.0, 1: -1.0, 2: 1.0, 3: 0.0, 89: 0.0}
    for number, offset in expected.items():
        np.testing.assert_allclose(difference[:, :, number], offset, atol=1e-4)  # masks are float32


def test_mask_agreement_moves_what_is_nearly_all_voice_or_nearly_none() -> None:
    framing = dataclasses.replace(SHORT, segment_frames=1500)  # 4.4 s
    rng = np.random.default_rng(0)
    mixture = magnitudes(framing) * rng.choice([0, 1, 10], (1, 1500, 1, 1)).astype(np.float32)
    logits = (
        rng.normal(0, 2, mixture.shape).astype(np.float32) + np.linspace(-6, 6, 1500, dtype=np.float32)[:, None, None]
    )
    inputs = [keras.Input(logits.shape[1:]), keras.Input(mixture.shape[1:])]
    network = keras.Model(inputs, agreed(*inputs, framing, (-11.0, 1.0)))
    difference = keras.ops.convert_to_numpy(network([logits, mixture])) - logits

    energy = np.square(mixture[0], dtype=np.float64)
    share = 1 / (1 + np.exp(-logits[0].astype(np.float64))) ** 2
    vocals, rest = (np.sum(part * energy, axis=(1, 2)) for part in (share, 1 - share))
    for frame in range(0, 1500, 10):
        near = slice(max(frame - 517, 0), frame + 518)  # 1.5 s to either side
        level = 10 * np.log10(vocals[near].sum() / rest[near].sum())
        expected = max(level - 1, 0) - max(-11 - level, 0)
        # sums of some 180 000 float32 energies
        np.testing.assert_allclose(difference[0, frame], expected * np.log(10) / 10, atol=1e-3)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same(backend: str, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    network = build_unet(SHORT, dataclasses.replace(SMALL, mask_agreement=(3.0, 3.0), veto=COARSE, veto_db=-30.0))
    network.save(tmp_path / "model.keras")
    np.save(tmp_path / "mixture.npy", magnitudes(SHORT))
    script = (
        "import sys, keras, numpy as np; from pathlib import Path; folder = Path(sys.argv[1]);"
        "network = keras.saving.load_model(folder / 'model.keras', compile=False);"
        "mask = network(np.load(folder / 'mixture.npy'), training=False)['mask'];"
        "np.save(folder / 'mask.npy', keras.ops.convert_to_numpy(mask))"
    )
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=True, capture_output=True)
    expected = keras.ops.convert_to_numpy(network(magnitudes(SHORT), training=False)["mask"])
    # Convolutions sum in another order.
    np.testing.assert_allclose(np.load(tmp_path / "mask.npy"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"filters": (8,)}, "two levels"),
        ({"filters": (8, 0)}, "filters"),
        ({"filters": (8, 1.5)}, "filters"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"dropout": (0.1,) * 5}, "dropout has 5 rates"),
        ({"dropout": (1.0,)}, "dropout"),
        ({"batch_normalization_momentum": 1.0}, "momentum"),
        ({"members": 0}, "members must be whole numbers from 1 up, not 0"),
        ({"mask_offsets": (0.0, float("nan"))}, "mask_offsets"),
        ({"mask_agreement": (0.0,)}, "mask_agreement must be two numbers"),
        ({"mask_agreement": (1.0, 0.0)}, "mask_agreement must be two numbers, the lower one first"),
    ],
)
def test_impossible_settings_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        UNetConfig(**values)


def test_settings_survive_json() -> None:
    assert UNetConfig.from_dict(SMALL.to_dict()) == SMALL
    with pytest.raises(ConfigError, match="'filter'"):
        UNetConfig.from_dict({"filter": [1]})

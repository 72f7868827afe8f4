"""One training step of our Keras code against the original Spleeter's `model_fn` in TRAIN mode."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from spleeter_bench import sidecar
from spleeter_bench.sidecar.checkpoints import generate_checkpoint
from spleeter_bench.sidecar.environment import ensure_environment, isolated_variables
from vocal_unet.losses import SPLEETER_LOSSES
from vocal_unet.models.spleeter import build_spleeter
from vocal_unet.spleeter.checkpoint import assign, read_checkpoint, variable_table
from vocal_unet.spleeter.configuration import SpleeterModel, spleeter_model

pytestmark = [pytest.mark.original, pytest.mark.slow]

RATE = 1e-3
CONFIGURATION = {
    "mix_name": "mix",
    "instrument_list": ["vocals", "accompaniment"],
    "sample_rate": 44100,
    "frame_length": 4096,
    "frame_step": 1024,
    "T": 128,
    "F": 256,
    "n_channels": 2,
    "separation_exponent": 2,
    "mask_extension": "zeros",
    "model_dir": "small",
    "learning_rate": RATE,
    "model": {"type": "unet.unet", "params": {"conv_n_filters": [2, 4, 4, 8, 8, 8]}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the configuration per loss, the checkpoint they share, and a batch."""
    folder = tmp_path_factory.mktemp("training")
    for loss in SPLEETER_LOSSES:
        (folder / f"{loss}.json").write_text(json.dumps({**CONFIGURATION, "loss_type": loss}))
    generate_checkpoint(str(folder / "L1_mask.json"), folder, seed=1)
    rng = np.random.default_rng(0)
    # as loud as spectrograms of music, the segments unequally so
    loudness = np.array([0.1, 1, 10], np.float32)[:, None, None, None]
    mixture = loudness * rng.gamma(1, 1, (3, 128, 256, 2)).astype(np.float32)
    share = rng.uniform(0, 1, mixture.shape).astype(np.float32)
    stems = {"vocals_spectrogram": share * mixture, "accompaniment_spectrogram": (1 - share) * mixture}
    np.savez(folder / "batch.npz", mix_spectrogram=mixture, **stems)
    return folder


@pytest.fixture(scope="module", params=SPLEETER_LOSSES)
def loss_type(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def original(folder: Path, loss_type: str) -> dict[str, np.ndarray]:
    """What the original's step did, see `training_step.py`."""
    script = Path(sidecar.__path__[0]) / "training_step.py"
    result = folder / f"{loss_type}.npz"
    command = [ensure_environment(), script, folder / f"{loss_type}.json", folder / "batch.npz", result]
    done = subprocess.run(
        list(map(str, command)),
        env={**isolated_variables(), "MODEL_PATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(np.load(result))


@pytest.fixture
def model(folder: Path) -> SpleeterModel:
    return spleeter_model(str(folder / "L1_mask.json"))


@pytest.fixture
def network(folder: Path, model: SpleeterModel) -> keras.Model:
    network = build_spleeter(model.framing, model.instruments, model.network, fixed_statistics=True)
    assign(network, read_checkpoint(folder / "small", model), model)
    return network


def batch(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    held = np.load(folder / "batch.npz")
    return held["mix_spectrogram"], {stem: held[f"{stem}_spectrogram"] for stem in CONFIGURATION["instrument_list"]}


def test_what_the_original_does_in_training(
    original: dict[str, np.ndarray], folder: Path, model: SpleeterModel
) -> None:
    assert original["loss"] == original["loss_again"], "dropout is active"
    # told that it is training, the same graph gives another loss: dropout and batch statistics are there, but off
    assert abs(original["loss_in_learning_phase"] / original["loss"] - 1) > 1e-3
    assert original["update_ops"] == 0
    before = read_checkpoint(folder / "small", model)
    changed = {name for name, value in before.items() if not np.array_equal(original[f"after:{name}"], value)}
    assert not {name for name in changed if "moving" in name}, "moving averages are updated"
    trained = {entry.variable for entry in variable_table(model) if entry.layer and "moving" not in entry.weight}
    assert changed == trained


def test_loss_and_gradients(
    original: dict[str, np.ndarray], loss_type: str, network: keras.Model, model: SpleeterModel, folder: Path
) -> None:
    mixture, stems = batch(folder)
    with tf.GradientTape() as tape:
        outputs = network(mixture, training=True)
        loss = tf.add_n([tf.reduce_mean(SPLEETER_LOSSES[loss_type](stems[s], outputs[s])) for s in stems])
    weights = {
        entry.variable: getattr(network.get_layer(entry.layer), entry.weight)
        for entry in variable_table(model)
        if entry.layer and "moving" not in entry.weight
    }
    assert {f"gradient:{name}" for name in weights} == {key for key in original if key.startswith("gradient:")}
    worst = 0.0
    for (name, _), gradient in zip(
        weights.items(), tape.gradient(loss, [w.value for w in weights.values()]), strict=True
    ):
        expected = original[f"gradient:{name}"]
        worst = max(worst, float(np.linalg.norm(gradient - expected) / np.linalg.norm(expected)))
    print(f"\n{loss_type}: loss {float(loss):.7g}, original {original['loss']:.7g}, worst gradient {worst:.1e}")
    assert float(loss) == pytest.approx(float(original["loss"]), rel=1e-5)
    # Float32 sums over 3 × 128 × 256 bins in another order, through 13 layers.
    assert worst <= 1e-4


def test_one_step_of_fit_is_one_step_of_the_estimator(
    original: dict[str, np.ndarray], loss_type: str, network: keras.Model, model: SpleeterModel, folder: Path
) -> None:
    mixture, stems = batch(folder)
    # TensorFlow 1's Adam has 1e-8 where Keras has 1e-7.
    optimizer = keras.optimizers.Adam(RATE, epsilon=1e-8)
    network.compile(optimizer, loss={stem: SPLEETER_LOSSES[loss_type] for stem in stems})
    loss = network.train_on_batch(mixture, stems)
    assert float(np.ravel(loss)[0]) == pytest.approx(float(original["loss"]), rel=1e-5)
    before = read_checkpoint(folder / "small", model)
    worst = 0.0
    for entry in variable_table(model):
        if not entry.layer:
            continue
        after = np.asarray(getattr(network.get_layer(entry.layer), entry.weight))
        if "moving" in entry.weight:
            np.testing.assert_array_equal(after, before[entry.variable])
            continue
        # Adam's first step is RATE · g / (|g| + 1e-8·…): blind to the size of g, so what is left of a gradient that is
        # all rounding counts as much as any other. Those are left out.
        gradient = np.abs(original[f"gradient:{entry.variable}"])
        clear = gradient > 1e-3 * gradient.max()
        step = (original[f"after:{entry.variable}"] - before[entry.variable])[clear]
        worst = max(worst, float(np.abs((after - before[entry.variable])[clear] - step).max() / RATE))
    print(f"\n{loss_type}: largest difference of a weight's step {worst:.1e} of the learning rate")
    # The weights are about 1 and float32: a step of 1e-3 is known to 1e-4 of itself.
    assert worst <= 1e-3

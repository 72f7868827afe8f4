"""The checkpoint table: complete, in Spleeter's numbering, and strict about what it finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import random_variables
from vocal_unet.errors import ModelError
from vocal_unet.models.spleeter import build_spleeter
from vocal_unet.spleeter.checkpoint import assign, read_checkpoint, variable_table, write_checkpoint
from vocal_unet.spleeter.configuration import SpleeterModel, spleeter_model


@pytest.fixture
def model(small_spleeter: Path) -> SpleeterModel:
    return spleeter_model(str(small_spleeter))


def test_two_stems_has_the_published_number_of_parameters() -> None:
    table = variable_table(spleeter_model("2stems"))
    assert sum(int(np.prod(entry.shape)) for entry in table) == pytest.approx(19.65e6, rel=1e-3)
    assert len({entry.variable for entry in table}) == len(table) == 2 * (7 * 2 + 6 * 2 + 12 * 4)


def test_numbering_goes_over_all_instruments() -> None:
    by_layer = {entry.layer: entry.variable for entry in variable_table(spleeter_model("4stems")) if entry.layer}
    assert by_layer["vocals_encoder_1_conv"].startswith("conv2d/")
    assert by_layer["drums_encoder_1_conv"].startswith("conv2d_7/")
    assert by_layer["other_logit"].startswith("conv2d_27/")
    assert by_layer["bass_decoder_2_conv"].startswith("conv2d_transpose_13/")
    assert by_layer["drums_decoder_6_norm"].startswith("batch_normalization_23/")


@pytest.mark.parametrize("name", ["2stems", "5stems"])
def test_the_table_fills_every_weight_of_the_network(name: str) -> None:
    model = spleeter_model(name)
    network = build_spleeter(model.framing, model.instruments, model.network)
    ours = {
        (layer.name, weight.name): tuple(weight.shape)
        for layer in network.layers
        for weight in layer.weights
        if "seed" not in weight.name
    }
    table = {(e.layer, e.weight): e.shape for e in variable_table(model) if e.layer}
    assert table == ours


def test_written_read_and_assigned_values_are_the_same(model: SpleeterModel, tmp_path: Path) -> None:
    variables = random_variables(model, seed=3)
    write_checkpoint(tmp_path / "other", variables, model, step=7)
    read = read_checkpoint(tmp_path / "other", model)
    network = build_spleeter(model.framing, model.instruments, model.network)
    assign(network, read, model)
    np.testing.assert_array_equal(
        network.get_layer("accompaniment_decoder_6_norm").moving_variance,
        variables["batch_normalization_23/moving_variance"],
    )
    assert all(np.array_equal(read[name], value) for name, value in variables.items())


def _save(folder: Path, variables: dict[str, np.ndarray]) -> None:
    import tensorflow as tf

    folder.mkdir()
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model"),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=list(variables.values()),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.pop("conv2d_9/bias"), "missing variables: conv2d_9/bias$"),
        (lambda v: v.update({"conv2d_14/bias": np.zeros(2, np.float32)}), "unexpected variables: conv2d_14/bias$"),
        (lambda v: v.update({"conv2d/bias": np.zeros(3, np.float32)}), r"conv2d/bias is \(3,\), expected \(2,\)"),
    ],
)
def test_what_does_not_fit_is_named(change, message: str, model: SpleeterModel, tmp_path: Path) -> None:
    variables = random_variables(model)
    change(variables)
    _save(tmp_path / "bad", variables)
    with pytest.raises(ModelError, match=message):
        read_checkpoint(tmp_path / "bad", model)


def test_what_training_leaves_behind_is_ignored(model: SpleeterModel, tmp_path: Path) -> None:
    variables = random_variables(model)
    slots = {"conv2d/kernel/Adam", "conv2d/kernel/Adam_1", "beta1_power", "beta2_power", "global_step"}
    _save(tmp_path / "trained", {**variables, **{name: np.zeros(1, np.float32) for name in slots}})
    assert set(read_checkpoint(tmp_path / "trained", model)) == set(variables)


def test_a_damaged_or_missing_checkpoint_is_one_clear_error(model: SpleeterModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no Spleeter checkpoint there"):
        read_checkpoint(tmp_path / "nothing", model)
    _save(tmp_path / "cut", random_variables(model))
    data = next((tmp_path / "cut").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(ModelError, match="cut"):
        read_checkpoint(tmp_path / "cut", model)
    next((tmp_path / "cut").glob("*.index")).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        read_checkpoint(tmp_path / "cut", model)

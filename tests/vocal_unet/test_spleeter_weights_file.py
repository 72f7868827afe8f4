"""Converted weights: equal to the checkpoint, in a format others read, never used when damaged or out of date."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from tests.conftest import random_variables
from vocal_unet.errors import ModelError
from vocal_unet.safetensors import read_arrays, read_metadata, write_arrays
from vocal_unet.spleeter import converted
from vocal_unet.spleeter.checkpoint import write_checkpoint
from vocal_unet.spleeter.configuration import SpleeterModel, spleeter_model
from vocal_unet.spleeter.converted import CONVERTED_FILE, convert, is_current, read_weights, verify_weights


@pytest.fixture
def model(small_spleeter: Path) -> SpleeterModel:
    return spleeter_model(str(small_spleeter))


@pytest.fixture
def folder(model: SpleeterModel, tmp_path: Path) -> Path:
    convert(tmp_path / "models" / "small", model)
    return tmp_path / "models" / "small"


def test_the_safetensors_package_reads_our_files(tmp_path: Path) -> None:
    arrays = {"a/b": np.arange(6, dtype=np.float32).reshape(1, 2, 3), "c": np.array([1.5], np.float32)}
    write_arrays(tmp_path / "x.safetensors", arrays, {"format": "test"})
    foreign, own = safetensors.numpy.load_file(tmp_path / "x.safetensors"), read_arrays(tmp_path / "x.safetensors")
    assert set(foreign) == set(own) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(foreign[name], array)
        np.testing.assert_array_equal(own[name], array)
    assert read_metadata(tmp_path / "x.safetensors")["format"] == "test"
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_conversion_is_read_without_the_checkpoint_reader(folder, model, monkeypatch) -> None:
    expected = random_variables(model)
    monkeypatch.setattr(converted, "read_checkpoint", lambda *_: pytest.fail("the checkpoint was read"))
    weights = read_weights(folder, model)
    assert all(np.array_equal(weights[name], value) for name, value in expected.items())
    assert set(weights) == set(expected)


def test_a_newer_checkpoint_wins_and_an_older_copy_does_not(folder, model, tmp_path) -> None:
    assert is_current(folder)
    shutil.copytree(folder, tmp_path / "copy")  # other times, same contents
    assert is_current(tmp_path / "copy")
    newer = random_variables(model, seed=1)
    write_checkpoint(folder, newer, model, step=5)
    assert not is_current(folder)
    np.testing.assert_array_equal(read_weights(folder, model)["conv2d/kernel"], newer["conv2d/kernel"])
    assert "newer than the converted file" in verify_weights(folder, model)


def test_the_conversion_alone_is_enough(folder, model) -> None:
    for file in folder.iterdir():
        if file.name != CONVERTED_FILE:
            file.unlink()
    np.testing.assert_array_equal(
        read_weights(folder, model)["conv2d/kernel"], random_variables(model)["conv2d/kernel"]
    )
    assert "the checkpoint is not here" in verify_weights(folder, model)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:4],
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: b"",
    ],
    ids=["cut", "one bit", "no header", "header length", "empty"],
)
def test_damage_is_one_clear_error(folder, model, damage) -> None:
    path = folder / CONVERTED_FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=r"weights\.safetensors: damaged .* delete it"):
        read_weights(folder, model)
    with pytest.raises(ModelError, match="damaged"):
        verify_weights(folder, model)


def test_a_conversion_of_another_model_is_refused(folder, model) -> None:
    arrays = read_arrays(folder / CONVERTED_FILE)
    arrays["conv2d/bias"] = np.zeros(3, np.float32)
    write_arrays(folder / CONVERTED_FILE, arrays, read_metadata(folder / CONVERTED_FILE))
    with pytest.raises(ModelError, match="conv2d/bias"):
        read_weights(folder, model)


def test_verify_sees_a_conversion_with_other_values(folder, model) -> None:
    assert "equal to the checkpoint" in verify_weights(folder, model)
    arrays = read_arrays(folder / CONVERTED_FILE)
    changed = {**arrays, "conv2d/bias": arrays["conv2d/bias"] + 1}
    metadata = read_metadata(folder / CONVERTED_FILE)
    metadata.pop("crc32")
    write_arrays(folder / CONVERTED_FILE, changed, metadata)
    with pytest.raises(ModelError, match="conv2d/bias differs"):
        verify_weights(folder, model)

"""The weights of a Spleeter model in our own file beside its checkpoint, and when that file may stand in for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from vocal_unet.errors import ModelError
from vocal_unet.safetensors import read_arrays, read_metadata, write_arrays
from vocal_unet.spleeter.checkpoint import latest_checkpoint, read_checkpoint, variable_table
from vocal_unet.spleeter.configuration import SpleeterModel

CONVERTED_FILE = "weights.safetensors"
_INDEX_CHECKSUM = "checkpoint_index_sha256"


def has_checkpoint(folder: Path) -> bool:
    """Whether a folder holds weights: a checkpoint or what was made from one."""
    return (folder / CONVERTED_FILE).is_file() or any(
        not index.name.startswith(".") for index in folder.glob("*.index")
    )


def convert(folder: Path, model: SpleeterModel) -> Path:
    """Write the newest checkpoint of a model folder as `weights.safetensors` beside it, and read that back to compare.

    The file appears complete or not at all. Its arrays keep the names of Spleeter's variables.

    Raises:
        ModelError: there is no checkpoint, it does not fit the model, or the file does not read back equal.
        OSError: the folder cannot be written to.
    """
    variables = read_checkpoint(folder, model)
    path = folder / CONVERTED_FILE
    write_arrays(path, variables, {_INDEX_CHECKSUM: _index_checksum(folder), "format": "vocal-unet spleeter 1"})
    _check_equal(_read_converted(path, model), variables, path)
    return path


def is_current(folder: Path) -> bool:
    """Whether the converted file was made from the newest checkpoint in the folder, or is all there is.

    A checkpoint's index holds the checksums of all its tensors, so the checksum of that small file stands for all of them,
    whatever the times of the files say after a copy.

    Raises:
        ModelError: the converted file is damaged.
    """
    path = folder / CONVERTED_FILE
    if not path.is_file():
        return False
    try:
        checksum = _index_checksum(folder)
    except ModelError:
        return True
    return read_metadata(path).get(_INDEX_CHECKSUM) == checksum


def is_converted(folder: Path, model: SpleeterModel) -> bool:
    """Whether the converted file is whole, fits the model and stands for the newest checkpoint. Reads all of it."""
    try:
        return is_current(folder) and bool(_read_converted(folder / CONVERTED_FILE, model))
    except ModelError:
        return False


def read_weights(folder: Path, model: SpleeterModel) -> dict[str, np.ndarray]:
    """All variables of a model, float32 by their TensorFlow 1 names: from the converted file, else from the checkpoint.

    Nothing is written. A checkpoint that is newer than the converted file wins.

    Raises:
        ModelError: neither is there, or what is there is damaged or does not fit the model.
    """
    if is_current(folder):
        return _read_converted(folder / CONVERTED_FILE, model)
    return read_checkpoint(folder, model)


def verify_weights(folder: Path, model: SpleeterModel) -> str:
    """Read everything a model folder holds and compare it; gives what was found, in words.

    Raises:
        ModelError: something is damaged, does not fit the model, or the converted file is not equal to the checkpoint.
    """
    path = folder / CONVERTED_FILE
    if not path.is_file():
        return f"{len(read_checkpoint(folder, model))} variables in the checkpoint, not converted"
    converted = _read_converted(path, model)
    try:
        latest_checkpoint(folder)
    except ModelError:
        return f"{len(converted)} variables, converted; the checkpoint is not here"
    checkpoint = read_checkpoint(folder, model)
    if not is_current(folder):
        return f"{len(checkpoint)} variables in the checkpoint, which is newer than the converted file"
    _check_equal(converted, checkpoint, path)
    return f"{len(checkpoint)} variables, converted and equal to the checkpoint"


def _index_checksum(folder: Path) -> str:
    index = Path(f"{latest_checkpoint(folder)}.index")
    try:
        return hashlib.sha256(index.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{index}: cannot be read ({error.strerror})") from None


def _read_converted(path: Path, model: SpleeterModel) -> dict[str, np.ndarray]:
    arrays = read_arrays(path)
    expected = {entry.variable: entry.shape for entry in variable_table(model)}
    shapes = {name: array.shape for name, array in arrays.items()}
    wrong = sorted(name for name in {*expected, *shapes} if expected.get(name) != shapes.get(name))
    if wrong:
        raise ModelError(f"{path}: does not fit the model {model.name} ({wrong[0]} and {len(wrong) - 1} more differ)")
    return arrays


def _check_equal(converted: dict[str, np.ndarray], checkpoint: dict[str, np.ndarray], path: Path) -> None:
    differing = [name for name, array in checkpoint.items() if not np.array_equal(array, converted[name])]
    if differing:
        raise ModelError(f"{path}: {differing[0]} differs from the checkpoint; delete the file")

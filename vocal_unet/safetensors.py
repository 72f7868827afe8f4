"""Named arrays in one file, in the safetensors format, with a checksum: no pickle, no code, read in one go.

The format (https://huggingface.co/docs/safetensors): the length of the header as 8 little-endian bytes, the header as JSON
(name → dtype, shape, offsets; `__metadata__` holds texts), then the bytes of all arrays. It is chosen over `.npz` because the
whole file is read at once, and over `.weights.h5` because the arrays keep the names of Spleeter's variables and need no
network to be read into. Forty lines of NumPy do not justify a dependency; a test reads the files with the safetensors package.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vocal_unet.errors import ModelError

CHECKSUM = "crc32"
"""Guards against damage, at a sixth of the time of a SHA-256; that weights are Deezer's is settled before, on the archive."""
_ALIGNMENT = 8
_DTYPES = {"F32": "<f4", "F16": "<f2"}


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays under a temporary name, then rename. The CRC-32 of their bytes goes into the metadata.

    float16 arrays stay what they are, all others become float32.

    Raises:
        OSError: the file cannot be written.
    """
    names, offset = {}, 0
    checksum = 0
    contiguous = {
        name: np.ascontiguousarray(array, "<f2" if array.dtype == np.float16 else "<f4")
        for name, array in arrays.items()
    }
    for name, array in contiguous.items():
        dtype = "F16" if array.itemsize == 2 else "F32"
        names[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        checksum = zlib.crc32(array.data, checksum)
    header = json.dumps({"__metadata__": {**metadata, CHECKSUM: f"{checksum:08x}"}, **names}).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            for array in contiguous.values():
                file.write(array.data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_metadata(path: Path) -> dict[str, str]:
    """The texts of a file, without its arrays.

    Raises:
        ModelError: the file is missing or its beginning is damaged.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError("a header longer than the file")
            return dict(json.loads(file.read(length))["__metadata__"])
    except (OSError, struct.error, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from None


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file by name, float32 or float16, views of one buffer.

    Raises:
        ModelError: the file is missing, damaged, or its arrays do not have the checksum it states.
    """
    try:
        data = np.fromfile(path, np.uint8)
        start = 8 + struct.unpack_from("<Q", data.data)[0]
        header = json.loads(data[8:start].tobytes())
        stated = header.pop("__metadata__")[CHECKSUM]
        if f"{zlib.crc32(data[start:].data):08x}" != stated:
            raise ValueError("its checksum is not the one it states")
        arrays = {}
        for name, entry in header.items():
            if entry["dtype"] not in _DTYPES:
                raise ValueError(f"{name} is {entry['dtype']}, not {' or '.join(_DTYPES)}")
            begin, end = entry["data_offsets"]
            arrays[name] = data[start + begin : start + end].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
        return arrays
    except (OSError, struct.error, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ModelError:
    reason = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
    return ModelError(f"{path}: damaged ({reason}); delete it, or install it anew")

"""How the benchmark and a worker process talk: one JSON line, then raw arrays, over a pipe.

A message is `{"magic": MAGIC, "kind": …, "arrays": [{"name": …, "shape": […]}, …], …}` on one line, followed by the
arrays in that order, each as C-ordered little-endian float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

MAGIC = "spleeter-bench/1"
MAX_HEADER_BYTES = 1 << 20
MAX_ARRAY_BYTES = 1 << 34


class WireError(Exception):
    """What came out of the pipe is not a message."""


def write_message(stream: BinaryIO, kind: str, fields: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Send one message; arrays of any float type and layout are sent as float32.

    Args:
        stream: buffered binary stream; flushed at the end.
        kind: what the message is, for instance "separate".
        fields: further JSON values of the header.
        arrays: named arrays of any shape.
    """
    layout = [{"name": name, "shape": list(np.shape(array))} for name, array in arrays.items()]
    header = dict(fields, magic=MAGIC, kind=kind, arrays=layout)
    stream.write(json.dumps(header).encode("ascii") + b"\n")
    for array in arrays.values():
        contiguous = np.ascontiguousarray(array, dtype="<f4")
        stream.write(contiguous.reshape(-1).view(np.uint8).data)
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict, dict[str, np.ndarray]]:
    """Receive one message: the header, and float32 arrays by name.

    Raises:
        EOFError: the other side closed the pipe before or within the message.
        WireError: the bytes are not a message of this protocol.
    """
    line = stream.readline(MAX_HEADER_BYTES)
    if not line:
        raise EOFError("the pipe was closed")
    header = _parse_header(line)
    arrays: dict[str, np.ndarray] = {}
    for name, shape in _layout(header):
        array: np.ndarray = np.empty(shape, dtype=np.dtype("<f4"))
        _read_into(stream, array)
        arrays[name] = array
    return header, arrays


def _parse_header(line: bytes) -> dict:
    try:
        header = json.loads(line.decode("utf-8"))
    except ValueError:
        raise WireError(f"no message but {line[:60]!r}") from None
    if not isinstance(header, dict) or header.get("magic") != MAGIC or not isinstance(header.get("kind"), str):
        raise WireError(f"no message of {MAGIC} but {line[:60]!r}")
    return header


def _layout(header: dict) -> list[tuple[str, tuple[int, ...]]]:
    layout = []
    try:
        for entry in header["arrays"]:
            name, shape = entry["name"], tuple(entry["shape"])
            if not isinstance(name, str) or not all(type(size) is int and size >= 0 for size in shape):
                raise ValueError
            if 4 * int(np.prod(shape, dtype=object)) > MAX_ARRAY_BYTES:
                raise ValueError
            layout.append((name, shape))
    except (KeyError, TypeError, ValueError):
        raise WireError("a message with a broken list of arrays: {!r}".format(header.get("arrays"))) from None
    return layout


def _read_into(stream: BinaryIO, array: np.ndarray) -> None:
    remaining = array.reshape(-1).view(np.uint8).data
    while len(remaining):
        count = stream.readinto(remaining)  # type: ignore[attr-defined]
        if not count:
            raise EOFError("the pipe was closed in the middle of an array")
        remaining = remaining[count:]

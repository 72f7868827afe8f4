"""The wire protocol: what goes in comes out, and what is no message is refused."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from spleeter_bench.sidecar.protocol.wire import MAGIC, WireError, read_message, write_message


def message(kind: str = "separate", fields: dict | None = None, arrays: dict | None = None) -> io.BytesIO:
    stream = io.BytesIO()
    write_message(stream, kind, fields or {}, arrays or {})
    stream.seek(0)
    return stream


def test_round_trip_keeps_fields_and_arrays() -> None:
    arrays = {
        "mixture": np.random.default_rng(0).standard_normal((1001, 2)).astype(np.float32),
        "näme": np.zeros((0, 2), np.float32),
        "scalar": np.float32(3),
    }
    header, received = read_message(message("separate", {"sample_rate": 44100, "text": "ü\n"}, arrays))
    assert (header["kind"], header["sample_rate"], header["text"]) == ("separate", 44100, "ü\n")
    assert list(received) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(received[name], array)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(6, 2),
        np.arange(12, dtype=np.float32).reshape(2, 6).T,
        np.arange(12, dtype=">f4").reshape(6, 2)[::-2],
    ],
    ids=["float64", "column-major", "big-endian strided"],
)
def test_any_layout_arrives_as_float32(array: np.ndarray) -> None:
    _, received = read_message(message(arrays={"x": array}))
    assert received["x"].dtype == np.float32
    np.testing.assert_array_equal(received["x"], array)


def test_messages_follow_each_other() -> None:
    stream = io.BytesIO()
    for number in range(3):
        write_message(stream, "stems", {"number": number}, {"x": np.full(5, number)})
    stream.seek(0)
    for number in range(3):
        header, arrays = read_message(stream)
        assert header["number"] == number
        assert (arrays["x"] == number).all()
    with pytest.raises(EOFError):
        read_message(stream)


def test_a_cut_message_is_an_end_of_file() -> None:
    whole = message(arrays={"x": np.ones(100)}).getvalue()
    with pytest.raises(EOFError):
        read_message(io.BytesIO(whole[:-1]))


@pytest.mark.parametrize(
    "line",
    [
        b"Loading model ...\n",
        b"\xff\xfe\n",
        b"[1, 2]\n",
        b'{"kind": "stems", "arrays": []}\n',
        json.dumps({"magic": "spleeter-bench/0", "kind": "stems", "arrays": []}).encode() + b"\n",
        json.dumps({"magic": MAGIC, "kind": "stems"}).encode() + b"\n",
        json.dumps({"magic": MAGIC, "kind": "stems", "arrays": [{"name": "x", "shape": [-1, 2]}]}).encode() + b"\n",
        json.dumps({"magic": MAGIC, "kind": "stems", "arrays": [{"name": "x", "shape": [2**40, 2**40]}]}).encode()
        + b"\n",
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(WireError):
        read_message(io.BytesIO(line))

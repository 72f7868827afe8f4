"""Record files: round trips, torn last lines, kills, and lines that are no records."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from spleeter_bench.errors import BenchError
from spleeter_bench.records import FILE_NAME, Record, append_record, latest, read_records


def make(**changes: Any) -> Record:
    values: dict[str, Any] = {
        "system": "mixture",
        "dataset": "example",
        "track": "Größe | 1",
        "samples": 44100,
        "sample_rate": 44100,
        "status": "ok",
        "timestamp": "2030-01-01T00:00:00+00:00",
        "scores": {"vocals": {"si_sdr": -6.99, "si_snr": -7}},
        "flags": {"vocals": ("odd", "very odd")},
        "audio_seconds": 1.0,
        "seconds": 0.25,
        "real_time_factor": 0.25,
        "load_seconds": 3,
        "peak_memory": 10**9,
        "weights": "none",
        "trained_on": "other songs",
        "cost_note": "all of it",
        "versions": {"numpy": "2"},
        "machine": {"cpu_count": 2},
        "commit": "abc",
    }
    return Record(**{**values, **changes})


FAILURE = {"status": "failed", "reason": "it broke\ninto two", "scores": {}, "flags": {}}
UNMEASURED = dict.fromkeys(["audio_seconds", "seconds", "real_time_factor", "load_seconds", "peak_memory", "commit"])


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    written = [make(), make(track="two", **FAILURE), make(track="three", **UNMEASURED)]
    for record in written:
        append_record(path, record)
    reading = read_records(path)
    assert list(reading.records) == written
    assert reading.notice == ""
    assert len(path.read_bytes().splitlines()) == 3
    assert json.loads(path.read_text("utf-8").splitlines()[0])["schema"] == 2


def test_infinite_scores_cannot_be_written(tmp_path: Path) -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            append_record(tmp_path / FILE_NAME, make(scores={"vocals": {"si_sdr": value}}))
    assert not (tmp_path / FILE_NAME).exists()


def test_the_newest_record_of_a_key_counts_and_keeps_its_place() -> None:
    records = [make(status="failed"), make(track="two"), make(), make(system="other"), make(samples=1)]
    assert latest(records) == [records[2], records[1], records[3], records[4]]


def test_a_line_cut_anywhere_costs_that_line_only(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    append_record(path, make(track="one"))
    whole = path.read_bytes()
    line = (make(track="two").to_json() + "\n").encode()
    for cut in range(1, len(line)):
        path.write_bytes(whole + line[:cut])
        reading = read_records(path)
        assert [record.track for record in reading.records] == ["one"]
        assert "line 2 was cut short" in reading.notice
    append_record(path, make(track="three"))
    reading = read_records(path)
    assert [record.track for record in reading.records] == ["one", "three"]
    assert reading.notice == ""


def test_a_killed_writer_leaves_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    append_record(path, make(track="before"))
    code = (
        "import sys\nfrom pathlib import Path\nfrom spleeter_bench.records import Record, append_record\n"
        "record = Record.from_json(sys.argv[2])\nwhile True:\n    append_record(Path(sys.argv[1]), record)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path), make(track="x" * 5000).to_json()])
    try:
        deadline = time.monotonic() + 60
        while path.stat().st_size < 20_000 and time.monotonic() < deadline and writer.poll() is None:
            time.sleep(0.01)
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    reading = read_records(path)
    assert len(reading.records) >= 3
    append_record(path, make(track="after"))
    again = read_records(path)
    assert again.records[:-1] == reading.records
    assert (again.records[-1].track, again.notice) == ("after", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.update(schema=1), "schema 1, this version reads schema 2"),
        (lambda values: values.pop("schema"), "schema None"),
        (lambda values: values.pop("status"), "status is missing"),
        (lambda values: values.update(status="fine"), "status 'fine' is none of"),
        (lambda values: values.update(colour="red"), "unknown key 'colour'"),
        (lambda values: values.update(samples="many"), "samples is 'many'"),
        (lambda values: values.update(seconds=True), "seconds is True"),
        (lambda values: values.update(scores={"vocals": {"si_sdr": "good"}}), "scores of vocals"),
        (lambda values: values.update(scores={"vocals": 3}), "scores of vocals"),
        (lambda values: values.update(flags={"vocals": "odd"}), "flags of vocals"),
        (lambda values: values.update(seconds=float("nan")), "NaN is not a number JSON knows"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / FILE_NAME
    values = json.loads(make().to_json())
    change(values)
    path.write_text(f"{make().to_json()}\n{json.dumps(values)}\n", encoding="utf-8")
    with pytest.raises(BenchError, match=f"{FILE_NAME} line 2: not a record of this benchmark: .*{message}"):
        read_records(path)


@pytest.mark.parametrize("garbage", [b"hello\n", b"\n", b"[]\n", b"\xff\xfe\n", b"{\n"])
def test_garbage_before_the_end_is_an_error(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(garbage + (make().to_json() + "\n").encode())
    with pytest.raises(BenchError, match="line 1: not a record"):
        read_records(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such file; the folder holds no benchmark run"):
        read_records(tmp_path / FILE_NAME)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(BenchError, match="cannot be written"):
        append_record(tmp_path / FILE_NAME, make())

"""The parity table: what is run, how it is scored, what a low value leads to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spleeter_bench import cli, parity
from spleeter_bench.errors import BenchError
from tests.conftest import exit_code
from vocal_unet import console

ROW = parity.Row(parity.Setting("2stems", "11kHz", "zeros", "mask"), "generated", {"stereo": 101.25, "0.05s": np.inf})
LOW = parity.Row(parity.Setting("5stems", "16kHz", "average", "mwf"), "generated", {"stereo": 80.0}, {"stereo": "why."})


def test_all_of_it_is_24_settings_and_7_inputs() -> None:
    everything = parity.choose()
    assert everything == parity.CHOICES
    assert len(parity.settings(everything)) == 24
    assert len(everything["inputs"]) == 7


def test_a_part_keeps_the_tables_order() -> None:
    part = parity.choose(models=["5stems", "2stems"], methods=["mwf"], bands=(), inputs=["segment+1", "mono"])
    assert part["models"] == ("2stems", "5stems")
    assert part["inputs"] == ("mono", "segment+1")
    assert len(parity.settings(part)) == 2 * 2 * 2


def test_what_is_no_choice_is_named() -> None:
    with pytest.raises(BenchError, match="no '3stems' among its models; there are: 2stems, 4stems, 5stems"):
        parity.choose(models=["2stems", "3stems"])


def test_snr() -> None:
    signal = np.random.default_rng(0).standard_normal((1000, 2)).astype(np.float32)
    assert parity.snr(reference=signal, estimate=signal * 1.01) == pytest.approx(40, abs=0.01)
    assert parity.snr(reference=signal, estimate=signal) == np.inf
    assert parity.snr(reference=0 * signal, estimate=signal) == -np.inf
    with pytest.raises(BenchError, match="shape"):
        parity.snr(reference=signal, estimate=signal[:999])


def test_the_segment_inputs_lie_on_either_side_of_a_boundary(tmp_path: Path) -> None:
    from vocal_unet import Framing

    inputs = parity.make_inputs(["segment-1", "segment", "segment+1"], tmp_path)
    frames = [Framing.SPLEETER.frames(len(signal.waveform)) for signal in inputs.values()]
    assert frames == [512, 512, 513]


def test_the_48_khz_input_is_a_file_of_that_rate(tmp_path: Path) -> None:
    from vocal_unet import probe_audio

    signal = parity.make_inputs(["48kHz"], tmp_path)["48kHz"]
    assert signal.path is not None and probe_audio(signal.path).sample_rate == 48000
    assert len(signal.waveform) == 268_288  # the clip at 44.1 kHz


def test_the_table_shows_every_value_and_reason() -> None:
    table = parity.make_table([ROW, LOW])
    assert table.columns == ("Setting", "stereo", "0.05s")
    assert table.rows == (("2stems 11kHz zeros mask", "101.2", "equal"), ("5stems 16kHz average mwf", "80.0", ""))
    assert "5stems 16kHz average mwf, stereo: why." in table.footnotes


@pytest.mark.parametrize(("rows", "code"), [([ROW], 0), ([ROW, LOW], 13)])
def test_a_value_below_the_limit_ends_with_an_error(rows, code: int, monkeypatch, capsys) -> None:
    monkeypatch.setattr(parity, "measure", lambda *arguments: iter(rows))
    assert exit_code(cli.app, "parity", "--markdown") == code
    shown = capsys.readouterr()
    assert "| `2stems 11kHz zeros mask` | 101.2 | equal |" in shown.out
    assert ("1 of 2 settings" in shown.err) == bool(code)


def test_an_interrupted_run_shows_what_it_has(monkeypatch, capsys) -> None:
    def measure(*arguments):
        yield ROW
        raise KeyboardInterrupt

    monkeypatch.setattr(parity, "measure", measure)
    assert exit_code(cli.app, "parity") == console.INTERRUPTED
    shown = capsys.readouterr()
    assert "101.2" in shown.out and "interrupted after 1 settings" in shown.err


@pytest.mark.original
@pytest.mark.slow
def test_a_part_against_the_original(tmp_path: Path) -> None:
    part = parity.choose(
        models=["2stems"], bands=["16kHz"], extensions=["average"], methods=["mask", "mwf"], inputs=["mono", "0.05s"]
    )
    lines: list[str] = []
    rows = list(parity.measure(part, tmp_path, lines.append))
    assert [str(row.setting) for row in rows] == ["2stems 16kHz average mask", "2stems 16kHz average mwf"]
    assert all(set(row.decibels) == {"mono", "0.05s"} and row.good for row in rows), rows
    assert rows[0].weights == "generated random weights"
    assert len(lines) == 5

"""The command: what it prints where, its exit codes, one line per error, and help that loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import spleeter_bench.systems
from spleeter_bench import cli
from spleeter_bench.errors import SystemFailedError, SystemUnavailableError
from spleeter_bench.records import FILE_NAME, read_records
from spleeter_bench.systems.base import Separation, System, SystemInfo
from tests.conftest import exit_code
from vocal_unet import __version__, console

Command = Callable[..., int]


class Fake(System):
    """`bad` fails on every song, `absent` is unavailable, `interrupted` meets Ctrl-C; any other gives the mixture."""

    def __init__(self, spec: str, **options: Any):
        self.spec = spec

    def start(self) -> SystemInfo:
        if self.spec == "absent":
            raise SystemUnavailableError("no weights on this machine")
        return SystemInfo(self.spec, 0.0, weights="none")

    def separate(self, mixture: np.ndarray, sample_rate: int, references: Any = None, name: str = "") -> Separation:
        if self.spec == "bad":
            raise SystemFailedError("it broke")
        if self.spec == "interrupted":
            raise KeyboardInterrupt
        return Separation({"vocals": mixture}, 0.1, 10**8)


@pytest.fixture
def data(tmp_path: Path) -> str:
    for number, song in enumerate(("first", "second")):
        for offset, stem in enumerate(("vocals", "other")):
            path = tmp_path / "data" / song / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(2 * number + offset).standard_normal((2000, 2))
            soundfile.write(path, 0.1 * noise, 8000)
    return f"stems:{tmp_path / 'data'}"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in this process with made-up systems; gives its exit code."""
    monkeypatch.setattr(spleeter_bench.systems, "make_system", Fake, raising=False)

    return partial(exit_code, cli.app)


def test_a_run_prints_the_table_and_writes_three_files(
    command: Command, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert command("run", "--data", data, "--systems", "good", "--systems", "absent", "-o", out) == 0
    printed = capsys.readouterr()
    assert "Vocals of 2 tracks (data), mean over tracks" in printed.out
    assert "absent: unavailable, not run: no weights on this machine." in printed.out
    for name in (FILE_NAME, "table.md", "table.csv"):
        assert str(out / name) in printed.out and (out / name).is_file()
    assert printed.err == "", "quiet in a pipe"
    assert {record.versions["vocal-unet"] for record in read_records(out / FILE_NAME).records} == {__version__}


def test_resume_and_extend(command: Command, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert command("run", "--data", data, "--systems", "good", "-o", out, "--limit", 1) == 0
    assert "1 track (data: first)" in capsys.readouterr().out
    assert command("run", "--data", data, "--systems", "other", "--systems", "good", "-o", out) == 0
    printed = capsys.readouterr()
    assert "1 of 4 results were there already" in printed.err
    rows = [line.split()[0] for line in (out / "table.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    assert len(rows) == 2
    assert (out / "table.md").read_text("utf-8").index("`other`") < (out / "table.md").read_text("utf-8").index(
        "`good`"
    )
    assert len(read_records(out / FILE_NAME).records) == 4
    assert command("run", "--data", data, "--systems", "good", "-o", out, "--force", "--limit", 1) == 0
    assert len(read_records(out / FILE_NAME).records) == 1


def test_failures_end_non_zero_after_the_table(
    command: Command, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = command("run", "--data", data, "--systems", "bad", "--systems", "good", "-o", tmp_path / "run")
    printed = capsys.readouterr()
    assert code == SystemFailedError.exit_code
    assert printed.err == "error: 2 of 4 separations failed; the table's notes say why\n"
    assert "bad: failed on first, second: it broke." in printed.out
    assert (tmp_path / "run" / "table.md").is_file()


def test_a_system_that_crashes_on_one_track(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # real systems in processes of their own
    for number in range(12):
        for stem in ("vocals", "other"):
            path = tmp_path / "data" / f"Song {number:02d}" / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng([number, len(stem)]).standard_normal((2000, 2))
            soundfile.write(path, 0.1 * noise, 8000)
    program = tmp_path / "program.py"
    program.write_text(
        "import os, shutil, sys\n"
        "song, output, name = sys.argv[1:]\n"
        "if name == 'Song 07': os.abort()\n"
        "shutil.copy(song, output + '/vocals.wav')\n"
    )
    crashing = f"cmd:{sys.executable} {program} {{input}} {{output}} {{name}}"
    data = f"stems:{tmp_path / 'data'}"
    code = command("run", "--data", data, "--systems", crashing, "--systems", "mixture", "-o", tmp_path / "run")
    printed = capsys.readouterr()
    assert code == SystemFailedError.exit_code
    assert printed.err == "error: 1 of 24 separations failed; the table's notes say why\n"
    rows = [line for line in printed.out.splitlines() if line.startswith(("cmd:", "mixture "))]
    assert rows[0].endswith(" 11/12") and rows[1].endswith(" 12/12")
    notes = " ".join(printed.out.split())
    assert "failed on Song 07: the command ended with SIGABRT" in notes
    assert "averaged over 11 of 12 tracks, so it does not compare with systems averaged over others" in notes


def test_nothing_that_can_run_ends_non_zero(
    command: Command, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", "--data", data, "--systems", "absent", "-o", tmp_path / "run")
    assert command(*arguments) == SystemUnavailableError.exit_code
    assert capsys.readouterr().err == "error: no system can run on this machine; the table's notes say why\n"


def test_ctrl_c(command: Command, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "--data", data, "--systems", "good", "--systems", "interrupted", "-o", tmp_path / "run")
    assert command(*arguments) == console.INTERRUPTED
    assert capsys.readouterr().err == "interrupted; the same command goes on where it stopped\n"
    assert len(read_records(tmp_path / "run" / FILE_NAME).records) == 2


def test_table_formats(command: Command, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    command("run", "--data", data, "--systems", "good", "--systems", "absent", "-o", out)
    run_output = capsys.readouterr().out
    assert command("table", out) == 0
    assert run_output.startswith(capsys.readouterr().out)
    for form in ("markdown", "csv"):
        assert command("table", out, "--format", form) == 0
        suffix = {"markdown": "md", "csv": "csv"}[form]
        assert capsys.readouterr().out == (out / f"table.{suffix}").read_text("utf-8")
    assert command("table", out, "--target", "accompaniment", "--systems", "good") == 0
    printed = capsys.readouterr().out
    assert "Accompaniment of 2 tracks" in printed and "0/2" in printed and "absent" not in printed


def test_a_torn_line_is_said(command: Command, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    command("run", "--data", data, "--systems", "good", "-o", out)
    with (out / FILE_NAME).open("ab") as file:
        file.write(b'{"schema": 1, "sys')
    capsys.readouterr()
    assert command("table", out) == 0
    assert "line 3 was cut short" in capsys.readouterr().err


def test_user_errors_are_one_line(command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    for arguments, message, code in [
        (("run", "--data", "falcon", "--systems", "good", "-o", out), "error: 'falcon' is no data", 11),
        (("table", out), f"error: {out / FILE_NAME}: no such file", 10),
    ]:
        assert command(*arguments) == code
        err = capsys.readouterr().err
        assert err.startswith(message) and err.count("\n") == 1
    assert not out.exists()
    assert command("table", out, "--verbose") == 10
    assert "Traceback" in capsys.readouterr().err
    assert command("run", "--systems", "good", "-o", out) == 2
    assert "--data" in capsys.readouterr().err


def test_setup_prints_where_the_environment_is(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = pytest.importorskip("spleeter_bench.sidecar.environment")
    monkeypatch.setattr(environment, "ensure_environment", lambda: Path("somewhere/python"))
    assert command("setup") == 0
    assert capsys.readouterr().out == f"{Path('somewhere/python')}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["table", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom spleeter_bench import cli\nsys.argv[1:] = " + repr(arguments) + "\n"
        "try:\n    cli.main()\nfinally:\n"
        "    heavy = {'tensorflow', 'keras', 'numpy', 'av', 'soundfile'} & set(sys.modules)\n"
        "    print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("heavy: []\n")
    assert done.stdout.startswith(__version__ if "--version" in arguments else "Usage")

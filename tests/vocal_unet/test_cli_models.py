"""`vocal-unet models`: what it prints, its exit codes, and imports as people would do them."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import exit_code, random_variables
from vocal_unet.cli import app
from vocal_unet.spleeter.checkpoint import write_checkpoint
from vocal_unet.spleeter.configuration import spleeter_model
from vocal_unet.spleeter.converted import CONVERTED_FILE

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small_spleeter: Path) -> Run:
    """Run `models` with an empty models folder; gives its exit code."""
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "cache"))
    return partial(exit_code, app, "models")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The small model's folder, packed; the folder is `tmp_path/models/small`."""
    with tarfile.open(tmp_path / "mine.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "models" / "small", "small")
    return tmp_path / "mine.tar.gz"


def test_import_list_verify_and_path(run: Run, small_spleeter: Path, archive: Path, tmp_path: Path, capfd) -> None:
    assert run("import", archive) == 2
    assert "say what it is with --name" in capfd.readouterr().err
    assert run("import", archive, "--name", small_spleeter) == 0
    folder = tmp_path / "cache" / "small"
    assert capfd.readouterr().out == f"{folder}\n" and (folder / CONVERTED_FILE).is_file()
    assert run("import", archive, "--name", small_spleeter) == 2
    assert run("import", archive, "--name", small_spleeter, "--force") == 0
    assert run("path", small_spleeter) == 0 and run("path") == 0
    assert capfd.readouterr().out.splitlines()[-2:] == [str(folder), str(tmp_path / "cache")]

    assert run("list") == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["2stems", "4stems", "5stems", "small"]
    assert "not on this machine" in lines[0] and "ready; imported from mine.tar.gz" in lines[3]
    assert run("list", "--json") == 0
    listed = json.loads(capfd.readouterr().out)
    assert listed[3]["state"] == "ready" and listed[1]["runs_as"] == ["4stems", "4stems-16kHz"]

    assert run("verify", small_spleeter) == 0
    assert "equal to the checkpoint" in capfd.readouterr().out
    (folder / CONVERTED_FILE).write_bytes((folder / CONVERTED_FILE).read_bytes()[:-8])
    assert run("verify", small_spleeter) == 5
    printed = capfd.readouterr()
    assert "damaged" in printed.out and printed.err == "error: 1 of 1 models are damaged; import or fetch them again\n"
    assert run("fetch", small_spleeter) == 0, "the conversion is made again from the checkpoint"
    assert run("verify", small_spleeter) == 0


def test_importing_spleeters_folder_of_models(run: Run, tmp_path: Path, capfd) -> None:
    """A whole `pretrained_models`: published models are taken, others are named, a model that does not fit is refused."""
    two = spleeter_model("2stems")
    theirs = tmp_path / "pretrained_models"
    write_checkpoint(theirs / "2stems", random_variables(two), two)
    shutil.copytree(tmp_path / "models" / "small", theirs / "mine")
    assert run("import", theirs) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{tmp_path / 'cache' / '2stems'}\n" and "with --name: mine" in printed.err
    assert run("verify") == 0
    assert "2stems: 148 variables, converted and equal to the checkpoint" in capfd.readouterr().out
    shutil.copytree(theirs / "mine", theirs / "4stems")
    assert run("import", theirs / "4stems") == 5
    assert "does not fit the model 4stems" in capfd.readouterr().err
    assert sorted(p.name for p in (tmp_path / "cache").iterdir() if not p.name.startswith(".")) == ["2stems"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["fetch", "3stems"], 2, "has no model '3stems'"),
        (["import", "none.tar.gz"], 2, "no such file"),
        (["verify"], 2, "no models are on this machine"),
        (["verify", "2stems"], 5, "1 of 1 models are damaged"),
        (["path", "3stems"], 2, "3stems"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], code: int, says: str, run: Run, capfd) -> None:
    assert run(*arguments) == code
    error = capfd.readouterr().err
    assert says in error and error.count("\n") == 1


def test_a_download_that_fails_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    monkeypatch.setenv("GITHUB_HOST", "http://127.0.0.1:9")
    assert run("fetch", "2stems") == 6
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and "Connection refused" in error and "models import 2stems.tar.gz" in error

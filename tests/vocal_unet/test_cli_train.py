"""`vocal-unet train`: settings from a preset or a file, from flags and `--set`; what it prints, and its exit codes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import exit_code
from tests.vocal_unet.test_training import SMALL
from vocal_unet.cli import app
from vocal_unet.config import PRESETS

train = partial(exit_code, app, "train")


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert train(*arguments, "--show-config") == 0
    return json.loads(capsys.readouterr().out)


def test_flags_and_set_change_a_preset_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys) == PRESETS["spleeter"].to_dict()
    options = ["--epochs", 7, "--seed", 3, "--set", "augment.reverb=0.3", "--set", "target=speech"]
    changed = shown(capsys, "--preset", "tiny", *options)
    expected = PRESETS["tiny"].to_dict()
    assert changed == {
        **expected,
        "epochs": 7,
        "seed": 3,
        "target": "speech",
        "augment": {**expected["augment"], "reverb": 0.3},
    }
    (tmp_path / "mine.json").write_text(json.dumps(changed), encoding="utf-8")
    again = shown(capsys, "--config", tmp_path / "mine.json", "--minutes", 1.5)
    assert again == {**changed, "minutes": 1.5}


def test_a_coarse_network_comes_with_the_only_loss_it_learns_by(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "--arch", "coarse")["loss"] == "cell_cross_entropy"
    assert train("--arch", "coarse", "--set", "loss=mask_l1", "--show-config") == 2
    assert capsys.readouterr().err == "error: --set: loss must be 'cell_cross_entropy' for arch coarse\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "1"], "--output is missing"),
        (["--set", "augment.revreb=0.3"], "revreb"),
        (["--set", "batch_size"], "--set batch_size: must be KEY=VALUE"),
        (["--set", "seed.more=1"], "seed holds no settings of its own"),
        (["--epochs", "0"], "epochs"),
        (["--config", "nowhere.json"], "nowhere.json"),
    ],
)
def test_settings_that_cannot_be_are_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and said in line
    assert not list(tmp_path.iterdir())


def test_a_training_names_its_folder_and_needs_force_to_be_replaced(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.json").write_text(json.dumps(SMALL.to_dict()), encoding="utf-8")
    command = ["-d", "generated:3:0:3", "--config", tmp_path / "small.json", "-o", tmp_path / "model"]
    assert train(*command) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{tmp_path / 'model'}\n"
    assert "2 epochs, 6 steps" in printed.err and "dB over the mixture" in printed.err
    assert train(*command) != 0
    assert "exists already" in capfd.readouterr().err
    assert train(*command, "--force") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "small.json"]

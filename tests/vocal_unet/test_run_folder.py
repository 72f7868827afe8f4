"""The folder of a training: what may start, go on, be replaced; what is never lost."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.vocal_unet.test_training import SMALL
from vocal_unet.errors import ConfigError, ModelError, OutputError
from vocal_unet.training.checkpoints import read_arrays, write_arrays
from vocal_unet.training.run_folder import RunFolder

DATA = "generated:3"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "model")


def begin(folder: RunFolder, *, force: bool = False, config=SMALL) -> None:
    """A training that is killed after its first checkpoint."""
    with pytest.raises(KeyboardInterrupt), folder.opened(config, DATA, force=force):
        folder.last.write_bytes(b"checkpoint")
        raise KeyboardInterrupt


def finish(folder: RunFolder, *, force: bool = False) -> None:
    with folder.opened(SMALL, DATA, force=force):
        folder.last.write_bytes(b"checkpoint")
        (folder.path / "config.json").write_text("{}")


def test_an_interrupted_training_goes_on(folder: RunFolder) -> None:
    begin(folder)
    with folder.opened(SMALL, DATA, force=False) as goes_on:
        assert goes_on and folder.last.read_bytes() == b"checkpoint"


def test_an_error_before_the_first_checkpoint_leaves_nothing(folder: RunFolder) -> None:
    with pytest.raises(ZeroDivisionError), folder.opened(SMALL, DATA, force=False):
        raise ZeroDivisionError
    assert not list(folder.path.parent.iterdir())


def test_other_settings_are_refused_by_name(folder: RunFolder) -> None:
    begin(folder)
    with pytest.raises(ConfigError, match=r"augment\.gain_db is 6\.0 there and 3\.0 now"):
        folder.check(
            dataclasses.replace(SMALL, augment=dataclasses.replace(SMALL.augment, gain_db=3.0)), DATA, force=False
        )
    with pytest.raises(ConfigError, match="data is 'generated:3' there"):
        folder.check(SMALL, "generated:4", force=False)
    folder.check(dataclasses.replace(SMALL, memory_mb=999), DATA, force=False)
    assert folder.last.read_bytes() == b"checkpoint"


def test_a_finished_model_needs_force(folder: RunFolder) -> None:
    finish(folder)
    with pytest.raises(OutputError, match="exists already"):
        folder.check(SMALL, DATA, force=False)
    finish(folder, force=True)
    assert [path.name for path in folder.path.parent.iterdir()] == ["model"]


def test_force_keeps_the_former_model_until_the_new_one_is_complete(folder: RunFolder) -> None:
    finish(folder)
    (folder.path / "config.json").write_text('{"former": true}')
    with pytest.raises(ZeroDivisionError), folder.opened(SMALL, DATA, force=True):
        raise ZeroDivisionError
    assert json.loads((folder.path / "config.json").read_text()) == {"former": True}
    begin(folder, force=True)
    begin(folder, force=True)
    former = folder.path.with_name(".model.former")
    assert json.loads((former / "config.json").read_text()) == {"former": True}
    finish(folder)
    assert not former.exists() and (folder.path / "config.json").read_text() == "{}"


def test_a_folder_of_something_else_is_never_touched(folder: RunFolder) -> None:
    folder.path.mkdir()
    (folder.path / "cat.jpg").write_text("cat")
    for force in (False, True):
        with pytest.raises(OutputError, match="no model folder"):
            folder.check(SMALL, DATA, force=force)


def test_two_trainings_do_not_share_a_folder(folder: RunFolder) -> None:
    begin(folder)
    with (
        folder.opened(SMALL, DATA, force=False),
        pytest.raises(OutputError, match="another process"),
        folder.opened(SMALL, DATA, force=False),
    ):
        pass
    assert folder.last.is_file()


def test_a_full_disk_keeps_the_last_checkpoint(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.checkpoints.mkdir(parents=True)
    write_arrays(folder.last, {"a": np.arange(3)}, {"epoch": 1})

    def full(file, **arrays) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match=r"last\.npz: cannot be written \(No space left on device\).*same command"):
        write_arrays(folder.last, {"a": np.arange(4)}, {"epoch": 2})
    arrays, state = read_arrays(folder.last)
    assert state == {"epoch": 1} and arrays["a"].tolist() == [0, 1, 2]
    assert [path.name for path in folder.checkpoints.iterdir()] == ["last.npz"]


def test_a_damaged_checkpoint_is_named(folder: RunFolder) -> None:
    folder.checkpoints.mkdir(parents=True)
    folder.last.write_bytes(b"PK nonsense")
    with pytest.raises(ModelError, match=r"last\.npz: cannot be read"):
        read_arrays(folder.last)

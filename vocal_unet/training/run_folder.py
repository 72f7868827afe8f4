"""The folder of one training: begun, gone on with, finished, or left alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from vocal_unet.config import Config, TrainConfig, read_json
from vocal_unet.errors import ConfigError, OutputError
from vocal_unet.lock import locked

SETTINGS = "training.json"
FINISHED = "config.json"
"""A folder that holds this is a model; it is written last."""
Spec = str | dict[str, str]
"""The songs' spec, or one for training and one for validation."""
MAY_CHANGE = ("memory_mb", "bad_songs", "profile")
"""Settings that do not change what is learned, and may differ when a training goes on."""


class RunFolder:
    """Where a training keeps its checkpoints and logs, and in the end its model.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.last = self.checkpoints / "last.npz"
        self.best = self.checkpoints / "best.npz"
        self.logs = path / "tensorboard"
        self._former = path.with_name(f".{path.name}.former")

    def check(self, config: TrainConfig, data: Spec, *, force: bool) -> None:
        """Whether a training with these settings may start or go on here; changes nothing.

        Raises:
            OutputError: the folder holds a finished model (unless `force`) or something else altogether.
            ConfigError: it holds an unfinished training with other settings or other songs (unless `force`).
        """
        path = self.path
        if not path.exists():
            return
        if not path.is_dir() or (any(path.iterdir()) and not self._is(FINISHED) and not self._is(SETTINGS)):
            raise OutputError(f"{path}: is no model folder, so it is not replaced; give another folder")
        if force:
            return
        if self._is(FINISHED):
            raise OutputError(f"{path}: exists already; give another folder or use --force to replace it")
        if self.last.is_file():
            self._require_same(_settings(config, data))

    @contextmanager
    def opened(self, config: TrainConfig, data: Spec, *, force: bool) -> Iterator[bool]:
        """The folder, ready to train in; True where a training goes on.

        With `force` what is there is put aside and comes back if nothing was learned before an error; it is removed when
        the new model is complete.

        Raises:
            OutputError: as `check`; the folder cannot be written; another process is training in it.
        """
        self.check(config, data, force=force)
        goes_on = self.last.is_file() and not force
        try:
            if force and self.path.exists():
                self._put_aside()
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            if not goes_on:
                (self.path / SETTINGS).write_text(json.dumps(_settings(config, data), indent=2) + "\n", "utf-8")
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error
        with self._locked():
            try:
                yield goes_on
            except BaseException:
                if not self.last.is_file():
                    shutil.rmtree(self.path, ignore_errors=True)
                    if self._former.exists():
                        os.replace(self._former, self.path)
                raise
        shutil.rmtree(self._former, ignore_errors=True)

    def _put_aside(self) -> None:
        """What `force` replaces; a finished model that waits there already is worth more than what is here now."""
        if self._former.exists() and not self._is(FINISHED):
            shutil.rmtree(self.path)
            return
        shutil.rmtree(self._former, ignore_errors=True)
        os.replace(self.path, self._former)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.checkpoints / ".lock", wait=False))
            except BlockingIOError:
                raise OutputError(f"{self.path}: another process is training here; wait for it or end it") from None
            yield

    def _is(self, name: str) -> bool:
        return (self.path / name).is_file()

    def _require_same(self, wanted: dict[str, Any]) -> None:
        found = read_json(self.path / SETTINGS)
        for key in MAY_CHANGE:
            found.get("config", {}).pop(key, None)
            wanted["config"].pop(key)
        difference = _first_difference(found, wanted)
        if difference:
            raise ConfigError(
                f"{self.path}: holds an unfinished training with other settings ({difference}); give the same ones to go on, "
                "--force to start anew, or another folder"
            )


def _settings(config: Config, data: Spec) -> dict[str, Any]:
    return {"data": data, "config": config.to_dict()}


def _first_difference(found: Any, wanted: Any, key: str = "") -> str | None:
    """`key: found there, wanted now` of the first value that differs."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in sorted(set(found) | set(wanted)):
            difference = _first_difference(found.get(name), wanted.get(name), f"{key}.{name}" if key else name)
            if difference:
                return difference
        return None
    return None if found == wanted else f"{key.removeprefix('config.')} is {found!r} there and {wanted!r} now"

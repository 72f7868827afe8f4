"""Where an export goes: complete under its name, or not there at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vocal_unet.errors import OutputError


@contextmanager
def new_target(target: Path, *, folder: bool, force: bool) -> Iterator[Path]:
    """A path beside `target` to write to; it takes the name at the end, and is removed after an error.

    Args:
        target: a file or folder.
        folder: whether it will be a folder; then an empty one is made to begin with.
        force: replace what is there, if it is of the same kind: a file, or a folder that holds an export.

    Raises:
        OutputError: something is there, or the place cannot be written to.
    """
    _require_free(target, folder=folder, force=force)
    partial, old = (
        # the suffix stays: Keras goes by it
        target.with_name(f".{target.stem}.{mark}{target.suffix}")
        for mark in ("partial", "old")
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in (partial, old):
            _remove(leftover)
        partial.mkdir()
        if not folder:  # the folder was a test of whether one can write here, before minutes of work
            partial.rmdir()
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
    try:
        yield partial
        if target.exists():
            os.replace(target, old)
        os.replace(partial, target)
    except OSError as error:
        if old.exists() and not target.exists():
            os.replace(old, target)
        raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        for leftover in (partial, old):
            _remove(leftover)


def _require_free(target: Path, *, folder: bool, force: bool) -> None:
    if not os.path.lexists(target):
        return
    if not force:
        raise OutputError(f"{target}: exists already; give another name or use --force to replace it")
    if not folder and target.is_file():
        return
    replaceable = folder and target.is_dir() and (not any(target.iterdir()) or _is_export(target))
    if not replaceable:
        raise OutputError(f"{target}: is something else than an export of this format, so it is not replaced")


def _is_export(folder: Path) -> bool:
    """A SavedModel, or a checkpoint's folder beside its Spleeter JSON file."""
    models = [path.with_suffix("") for path in folder.glob("*.json")]
    return (folder / "saved_model.pb").is_file() or any((model / "checkpoint").is_file() for model in models)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

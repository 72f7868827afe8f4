"""Which Spleeter models are on this machine, in what state, and whether they are whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vocal_unet.errors import ModelError
from vocal_unet.spleeter.configuration import NAMES, spleeter_model
from vocal_unet.spleeter.converted import has_checkpoint, is_current
from vocal_unet.spleeter.pretrained import SHA256, models_folder, weights_source


@dataclass(frozen=True)
class Stored:
    """One model folder, or a published model that has none yet."""

    name: str
    folder: Path
    state: str
    """`ready` (converted), `checkpoint` (loads, but slower), `damaged` or `missing`."""
    bytes: int
    source: str
    """Where the weights came from, in words; empty while they are missing."""
    runs_as: tuple[str, ...]
    """The names that use these weights; empty for a user's own model, which its JSON file names."""


def stored_models() -> list[Stored]:
    """Deezer's models, then whatever else lies in the models folder."""
    root = models_folder()
    others = sorted(p.name for p in root.iterdir() if _is_model(p)) if root.is_dir() else []
    return [_stored(name, root / name) for name in (*SHA256, *(name for name in others if name not in SHA256))]


def _is_model(folder: Path) -> bool:
    return not folder.name.startswith(".") and folder.is_dir() and has_checkpoint(folder)


def _stored(name: str, folder: Path) -> Stored:
    runs_as = tuple(known for known in NAMES if spleeter_model(known).model_dir == name)
    if not folder.is_dir() or not has_checkpoint(folder):
        return Stored(name, folder, "missing", 0, "", runs_as)
    try:
        state = "ready" if is_current(folder) else "checkpoint"
    except ModelError:
        state = "damaged"
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    return Stored(name, folder, state, size, weights_source(folder), runs_as)

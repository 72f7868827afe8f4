"""The models that come with the package, each in a folder of its own in `shipped_models/`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("shipped_models")
SHIPPED = {folder.name: folder for folder in FOLDER.iterdir()} if FOLDER.is_dir() else {}
"""Name → packed model folder; used as `vocal-unet:NAME`."""

"""The models that come with the package."""

from __future__ import annotations

from pathlib import Path

SHIPPED = {"demo": Path(__file__).with_name("shipped_models") / "demo"}
"""Name → packed model folder; used as `vocal-unet:NAME`."""

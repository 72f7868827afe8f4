"""What an export says of itself: one JSON object and a model card."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import tensorflow as tf

from vocal_unet.loading import OWN_PREFIX, LoadedModel
from vocal_unet.shipped import SHIPPED
from vocal_unet.version import __version__

FORMAT = 1
CARD = "model_card.md"


def description(model: LoadedModel, precision: str) -> str:
    """JSON with name, stems, framing, mask rule, origin of the weights, precision and versions."""
    return json.dumps(
        {
            "format": FORMAT,
            "model": model.name,
            "stems": list(model.stems),
            "framing": model.framing.to_dict(),
            "masking": model.masking.to_dict(),
            "weights": model.weights,
            "precision": precision,
            "versions": {"vocal-unet": __version__, "tensorflow": tf.__version__, "keras": keras.__version__},
        },
        indent=2,
        ensure_ascii=False,
    )


def model_card(model: LoadedModel, spec: str) -> str:
    """Markdown: the card of a trained model's folder, else what is known of the weights."""
    name = spec.removeprefix(OWN_PREFIX)
    card = SHIPPED.get(name, Path(name)) / CARD
    if card.is_file():
        return card.read_text(encoding="utf-8")
    return f"""# {model.name}

Separates {model.framing.sample_rate} Hz stereo music into {", ".join(model.stems)}. Weights: {model.weights}.

The licence of the weights is that of whoever made them; the code that exported them is under the MIT licence.
"""

"""A SavedModel that takes a waveform and gives stems, run with plain TensorFlow: no code of this package is in it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spleeter_bench.sidecar.protocol.serve import Failure, Model

SIGNATURE = "serving_default"


def savedmodel_model(path: str) -> Model:
    """Load `path`; its signature `serving_default(float32 (samples, channels))` gives one such waveform per stem.

    Raises:
        Failure: no SavedModel, or one without that signature.
    """
    import tensorflow as tf

    folder = Path(path).expanduser()
    if not (folder / "saved_model.pb").is_file():
        raise Failure(f"{folder}: no SavedModel; a folder with saved_model.pb in it is one")
    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise Failure(f"{folder}: cannot be loaded ({' '.join(str(error).split())[:200]})") from None
    signature = loaded.signatures.get(SIGNATURE)
    if signature is None:
        raise Failure(f"{folder}: no signature {SIGNATURE}; it has {', '.join(loaded.signatures) or 'none'}")
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1 or "vocals" not in signature.structured_outputs:
        raise Failure(
            f"{folder}: {SIGNATURE} takes {', '.join(inputs) or 'nothing'} and gives "
            f"{', '.join(signature.structured_outputs)}; it should take one waveform and give vocals among its stems"
        )
    (name,) = inputs

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        stems = signature(**{name: tf.constant(mixture)})
        return {stem: waveform.numpy() for stem, waveform in stems.items()}

    versions = {"python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__}
    # `loaded` owns the variables, which the signature alone would not keep alive
    separate.model = loaded  # type: ignore[attr-defined]
    return Model(separate, _weights(folder), versions)


def _weights(folder: Path) -> str:
    """Where the weights came from, which exports of `vocal-unet` say of themselves."""
    try:
        return str(json.loads((folder / "assets" / "vocal_unet.json").read_text(encoding="utf-8"))["weights"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"SavedModel {folder}"

"""A TFLite file in TFLite's own operators: a segment's samples to its stems, and magnitudes to masks."""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path

import tensorflow as tf

from vocal_unet.errors import ModelError
from vocal_unet.export.description import CARD
from vocal_unet.export.segments import network_masks, separate_segment
from vocal_unet.exported import DESCRIPTION, first_line
from vocal_unet.loading import LoadedModel


def write_tflite(model: LoadedModel, path: Path, description: str, card: str, precision: str) -> None:
    """Write `path` with the signatures `segment(samples, valid_frames)` and `masks(magnitude)`.

    Args:
        model: what to export.
        path: the file.
        description: goes behind the model, as a zip archive, as TFLite's associated files do.
        card: likewise.
        precision: of the weights: float32, float16 or int8 (dynamic range: sums are float32).

    Raises:
        ModelError: the network has an operation that TFLite lacks.
    """
    framing = model.framing
    segment = [
        tf.TensorSpec([1, framing.segment_samples, framing.channels], tf.float32, "samples"),
        tf.TensorSpec([1], tf.int32, "valid_frames"),
    ]
    magnitude = [tf.TensorSpec([1, framing.segment_frames, framing.bins, framing.channels], tf.float32, "magnitude")]
    module = tf.Module()
    module.weights = [variable.value for variable in model.network.variables]
    module.segment = tf.function(
        lambda samples, valid_frames: dict(
            zip(model.stems, tf.unstack(separate_segment(model, samples, valid_frames)[:, 0]), strict=True)
        ),
        segment,
    )
    module.masks = tf.function(lambda magnitude: network_masks(model, magnitude), magnitude)
    with tempfile.TemporaryDirectory(prefix="vocal-unet-export-") as folder:
        tf.saved_model.save(module, folder, signatures={"segment": module.segment, "masks": module.masks})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["segment", "masks"])
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        try:
            path.write_bytes(converter.convert())
        except Exception as error:  # its ConverterError is no public name
            missing = sorted(set(re.findall(r"'(tf\.\w+)' op is neither a custom op nor a flex op", str(error))))
            reason = (
                f"TFLite cannot carry {', '.join(missing)}, which the network uses" if missing else first_line(error)
            )
            raise ModelError(f"{model.name}: {reason}") from error
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(DESCRIPTION, description)
        archive.writestr(CARD, card)

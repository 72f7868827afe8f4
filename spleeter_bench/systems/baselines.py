"""The two ends of the scale: doing nothing, and an ideal mask that has seen the answer."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import numpy as np

from spleeter_bench.sidecar.protocol.serve import Failure, Model

ORACLES = ("irm", "irm@spleeter", "irm@paper")


def mixture_model() -> Model:
    """The unprocessed mixture as every stem: the score a system must beat. Loads no TensorFlow."""

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"vocals": mixture, "accompaniment": mixture}

    return Model(separate, "", {"python": platform.python_version(), "numpy": np.__version__})


def oracle_model(argument: str) -> Model:
    """The ideal ratio mask |V| / (|V| + |A|), per channel, frame and bin, on the mixture's STFT.

    V and A are the STFTs of the reference vocals and of everything else. It bounds what a magnitude mask can reach at a
    framing: Spleeter's (`irm`, `irm@spleeter`) or the paper's (`irm@paper`).
    """
    import tensorflow as tf

    from vocal_unet import Framing, istft, stft

    framing = Framing.PAPER if argument.endswith("@paper") else Framing.SPLEETER

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if "vocals" not in references:
            raise Failure(f"the oracle needs the reference vocals (there are: {', '.join(references) or 'none'})")
        vocals = tf.abs(stft(references["vocals"], framing))
        others = tf.abs(stft(accompaniment(mixture, references), framing))
        mask = tf.cast(tf.math.divide_no_nan(vocals, vocals + others), tf.complex64)
        spectrogram = stft(mixture, framing)
        stems = {"vocals": mask * spectrogram, "accompaniment": (1 - mask) * spectrogram}
        return {stem: istft(masked, framing, len(mixture)).numpy() for stem, masked in stems.items()}

    versions = {"python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__}
    return Model(separate, "", versions, needs_references=True)


def accompaniment(mixture: np.ndarray, references: Mapping[str, np.ndarray]) -> np.ndarray:
    """Everything but the vocals, `(samples, channels)`: its own reference, the sum of the others, or the rest."""
    if "accompaniment" in references:
        return references["accompaniment"]
    others = [audio for stem, audio in references.items() if stem != "vocals"]
    return np.stack(others).sum(axis=0) if others else mixture - references["vocals"]

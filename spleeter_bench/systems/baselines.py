"""What costs next to nothing: the unprocessed mixture, and the middle of the stereo image."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import numpy as np

from spleeter_bench.sidecar.protocol.serve import Model


def mixture_model() -> Model:
    """The unprocessed mixture as every stem: the score a system must beat. Loads no TensorFlow."""

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"vocals": mixture, "accompaniment": mixture}

    return Model(separate, "", _versions())


def mid_model() -> Model:
    """Centre extraction: the mean of the channels as vocals, in every channel, and the rest as accompaniment.

    Singers are mixed to the centre, and so are bass and bass drum: what "karaoke" buttons have always done.
    """

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        middle = np.repeat(mixture.mean(axis=1, keepdims=True, dtype=np.float32), mixture.shape[1], axis=1)
        return {"vocals": middle, "accompaniment": mixture - middle}

    return Model(separate, "", _versions())


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "numpy": np.__version__}

"""What costs next to nothing: the unprocessed mixture, and the middle of the stereo image."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import numpy as np

from spleeter_bench.sidecar.protocol.serve import Failure, Model


def mixture_model() -> Model:
    """The unprocessed mixture as every stem: the score a system must beat. Loads no TensorFlow."""

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"vocals": mixture, "accompaniment": mixture}

    return Model(separate, "", _versions())


def mid_model() -> Model:
    """Centre extraction of stereo: half the sum of the channels as vocals, half their difference as accompaniment.

    What "karaoke" buttons have always done: singers are mixed to the centre, and so are bass and bass drum. Both stems
    sound the same from both sides.
    """

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if mixture.shape[1] != 2:
            raise Failure(f"centre extraction is for stereo, not for {mixture.shape[1]} channels")
        left, right = mixture.T
        middle, side = (left + right) / 2, (left - right) / 2
        return {"vocals": np.stack([middle, middle], axis=1), "accompaniment": np.stack([side, side], axis=1)}

    return Model(separate, "", _versions())


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "numpy": np.__version__}

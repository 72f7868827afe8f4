"""Models that run in the package's own Keras code: trained U-Nets, and Spleeter's networks with Deezer's weights."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version

import numpy as np

from spleeter_bench.rival import FOLDER, RIVAL
from spleeter_bench.sidecar.protocol.serve import Failure, Model, Unavailable
from spleeter_bench.systems.base import MWF


def separator_model(name: str) -> Model:
    """Load `vocal_unet.Separator(name)`: a trained model's folder, a name such as `spleeter:2stems`, a JSON file or `rival`;
    each with `@mwf` for multichannel Wiener filtering.

    Raises:
        Unavailable: its weights are not on this machine and cannot be fetched.
        Failure: it cannot be loaded.
    """
    from vocal_unet import Separator, VocalUnetError, WeightsUnavailableError, __version__

    try:
        model = name.removesuffix(MWF)
        separator = Separator(FOLDER if model == RIVAL else model, mwf=name.endswith(MWF))
    except WeightsUnavailableError as error:
        raise Unavailable(str(error)) from None
    except VocalUnetError as error:
        raise Failure(str(error)) from None

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if sample_rate != separator.sample_rate:
            raise Failure(
                f"it separates songs of {separator.sample_rate} Hz, not {sample_rate} Hz; convert the song first"
            )
        try:
            return separator.separate(mixture)
        except VocalUnetError as error:
            raise Failure(str(error)) from None

    versions = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    return Model(
        separate, separator.weights, {"python": platform.python_version(), "vocal-unet": __version__, **versions}
    )

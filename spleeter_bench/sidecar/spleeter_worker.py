"""The original Spleeter 2.4.2 as a worker process: `python spleeter_worker.py DESCRIPTOR [--mwf]`.

Runs in Spleeter's environment. Nothing of Spleeter is replaced: every song goes through its own `Separator.separate`,
which restores the graph for each call.
"""

from __future__ import annotations

from protocol.streams import claim_pipe

REQUESTS, ANSWERS = claim_pipe()

import argparse  # noqa: E402
import importlib.metadata  # noqa: E402
import platform  # noqa: E402
from collections.abc import Mapping  # noqa: E402

import numpy as np  # noqa: E402
from protocol.serve import Failure, Model, serve  # noqa: E402


def load(descriptor: str, mwf: bool) -> Model:
    """Load Spleeter and its weights.

    Raises:
        Unavailable: there are no weights.
        Failure: Spleeter knows no such configuration.
    """
    from spleeter import SpleeterError
    from spleeter.separator import Separator
    from spleeter.utils.configuration import load_configuration
    from spleeter_weights import prepare_weights

    try:
        params = load_configuration(descriptor)
    except (SpleeterError, OSError, ValueError) as error:
        raise Failure(f"{descriptor}: {error}") from None
    weights = prepare_weights(params["model_dir"])
    separator = Separator(descriptor, MWF=mwf, multiprocess=False)

    def separate(
        mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]
    ) -> Mapping[str, np.ndarray]:
        if sample_rate != params["sample_rate"]:
            raise Failure(
                f"{descriptor} separates {params['sample_rate']} Hz, not {sample_rate} Hz; resample the song first"
            )
        return separator.separate(mixture)

    versions = {name: importlib.metadata.version(name) for name in ("spleeter", "tensorflow", "numpy")}
    return Model(separate, weights, {"python": platform.python_version(), **versions})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("descriptor", help="spleeter:2stems, … or a JSON file")
    parser.add_argument("--mwf", action="store_true", help="multichannel Wiener filtering")
    arguments = parser.parse_args()
    serve(lambda: load(arguments.descriptor, arguments.mwf), REQUESTS, ANSWERS)


if __name__ == "__main__":
    main()

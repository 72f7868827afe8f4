"""Runs a system of this Python as a worker process: `python -m spleeter_bench.systems.worker SPEC`."""

from __future__ import annotations

import sys

from spleeter_bench.sidecar.protocol.serve import Failure, Model, serve
from spleeter_bench.sidecar.protocol.streams import claim_pipe


def load(spec: str) -> Model:
    """Load the system `spec` names; each import is made only by the system that needs it.

    Raises:
        Unavailable: it cannot run on this machine.
        Failure: it cannot be loaded.
    """
    kind, _, argument = spec.partition(":")
    if kind == "mixture":
        from spleeter_bench.systems.baselines import mixture_model

        return mixture_model()
    if kind == "mid":
        from spleeter_bench.systems.baselines import mid_model

        return mid_model()
    if kind == "oracle":
        from spleeter_bench.systems.oracles import oracle_model

        return oracle_model(argument)
    if kind in ("keras", "vocal-unet", "onnx", "tflite"):
        from spleeter_bench.systems.keras import separator_model

        return separator_model(argument if kind == "keras" else spec)
    if kind == "savedmodel":
        from spleeter_bench.systems.savedmodel import savedmodel_model

        return savedmodel_model(argument)
    raise Failure(f"no worker for {spec!r}")


def main() -> None:
    requests, answers = claim_pipe()
    (spec,) = sys.argv[1:]
    serve(lambda: load(spec), requests, answers)


if __name__ == "__main__":
    main()

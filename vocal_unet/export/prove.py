"""The fresh process of the proof: `python -m vocal_unet.export.prove SPEC FOLDER` runs an export by its own runtime.

SPEC is `savedmodel:PATH`, `onnx:PATH`, `tflite:PATH`, `keras:PATH` or `checkpoint:PATH`. Every `FOLDER/NAME.npy` is separated
into `FOLDER/NAME.npz`, as a whole and, where the format has streams, in blocks; a JSON object on standard output says how long
loading, and each NAME as a whole, took.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vocal_unet.errors import VocalUnetError

Run = Callable[[np.ndarray], dict[str, np.ndarray]]

STREAM = "stream: "
"""In front of the names of stems that came out of a stream."""
BLOCK = 100_003
"""Samples per block of a stream; no segment is a multiple of it."""


def load(spec: str) -> tuple[Run, Run | None]:
    """What separates a whole song, and what separates it in blocks."""
    kind, _, path = spec.partition(":")
    if kind == "keras":
        import keras

        network = keras.saving.load_model(path, compile=False)
        return lambda magnitude: {
            name: np.asarray(x) for name, x in network.predict(magnitude, verbose=0).items()
        }, None
    if kind == "checkpoint":
        from vocal_unet.separator import Separator

        (configuration,) = Path(path).glob("*.json")
        os.environ["MODEL_PATH"] = path
        return Separator(configuration).separate, None
    from vocal_unet.exported import load_exported

    model = load_exported(spec)

    def stream(waveform: np.ndarray) -> dict[str, np.ndarray]:
        waveform = np.repeat(waveform, model.framing.channels, axis=1) if waveform.shape[1] == 1 else waveform
        blocks = model.open_stream()
        parts = [blocks.process(waveform[start : start + BLOCK]) for start in range(0, len(waveform), BLOCK)]
        return dict(zip(model.stems, np.concatenate([*parts, blocks.flush()], axis=1), strict=True))

    return model.separate, stream


def main() -> None:
    spec, folder = sys.argv[1:]
    started = time.perf_counter()
    try:
        whole, stream = load(spec)
    except VocalUnetError as error:
        sys.exit(str(error))
    load_seconds = time.perf_counter() - started
    seconds: dict[str, float] = {}
    for path in sorted(Path(folder).glob("*.npy")):
        waveform = np.load(path)
        if not seconds:
            whole(waveform)  # the first call also prepares what later ones need
        started = time.perf_counter()
        stems = whole(waveform)
        seconds[path.stem] = time.perf_counter() - started
        streamed = {STREAM + stem: samples for stem, samples in stream(waveform).items()} if stream else {}
        np.savez(path.with_suffix(".npz"), allow_pickle=False, **stems, **streamed)
    print(json.dumps({"load_seconds": load_seconds, "seconds": seconds}))


if __name__ == "__main__":
    main()

"""What every worker process does: load a model, then separate songs until the pipe is closed."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .memory import peak_memory
from .wire import WireError, read_message, write_message

WARM_UP_RATE = 44100
REFERENCE_PREFIX = "reference:"


class Unavailable(Exception):
    """The system cannot run on this machine; the message says why and what to do."""


class Failure(Exception):
    """The system failed for a reason that its message alone explains."""


class Model(NamedTuple):
    """A loaded system.

    `separate(mixture, sample_rate, references)` takes float32 `(samples, channels)` and returns stems of that shape;
    `references` is empty unless `needs_references`.
    """

    separate: Callable[[np.ndarray, int, Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
    weights: str
    versions: Mapping[str, str]
    needs_references: bool = False


def serve(load: Callable[[], Model], requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests for ever; the process ends as soon as `requests` is closed, even in the middle of a song.

    `start` loads the model and warms it up, `separate` separates one song. An exception becomes the answer `failed`,
    `Unavailable` becomes `unavailable`; the traceback goes to standard error.
    """
    inbox: SimpleQueue[tuple[dict, dict[str, np.ndarray]]] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    model = None
    while True:
        header, arrays = inbox.get()
        try:
            if header["kind"] == "start":
                model = load()
                _warm_up(model)
                fields = {"weights": model.weights, "versions": dict(model.versions)}
                write_message(answers, "ready", fields, {})
            elif model is None:
                raise Failure("a song was sent before the model was started")
            else:
                fields, stems = _separate(model, header, arrays)
                write_message(answers, "stems", fields, stems)
        except Unavailable as reason:
            write_message(answers, "unavailable", {"message": str(reason)}, {})
        except Failure as reason:
            write_message(answers, "failed", {"message": str(reason)}, {})
        except Exception as error:
            traceback.print_exc()
            write_message(answers, "failed", {"message": f"{type(error).__name__}: {error}"}, {})


def _listen(requests: BinaryIO, inbox: SimpleQueue) -> None:
    """Reading in a thread of its own notices the death of the benchmark while a song is being separated."""
    try:
        while True:
            inbox.put(read_message(requests))
    except EOFError:
        os._exit(0)
    except WireError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)


def _separate(model: Model, header: Mapping[str, Any], arrays: dict) -> tuple[dict, Mapping[str, np.ndarray]]:
    mixture = arrays.pop("mixture")
    references = {name[len(REFERENCE_PREFIX) :]: array for name, array in arrays.items()}
    started = time.perf_counter()
    stems = model.separate(mixture, header["sample_rate"], references)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "peak_memory": peak_memory()}, stems


def _warm_up(model: Model) -> None:
    """Separate one second of noise, so that tracing graphs and filling caches is not charged to the first song."""
    noise = np.random.RandomState(0).uniform(-0.1, 0.1, (WARM_UP_RATE, 2)).astype(np.float32)
    references = {"vocals": noise / 2, "accompaniment": noise / 2} if model.needs_references else {}
    model.separate(noise, WARM_UP_RATE, references)

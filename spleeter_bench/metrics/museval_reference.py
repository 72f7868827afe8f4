"""museval's own BSSEval v4, the reference that ours is tested against, behind the same interface."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np

from spleeter_bench.errors import MetricError
from spleeter_bench.metrics.bsseval import WINDOW, BSSEval, Sources, checked_sources, silent_frames


@functools.cache
def museval_metrics() -> ModuleType:
    """museval's module of metrics, loaded by its file: importing the package asks for an ffmpeg binary it never uses.

    Raises:
        MetricError: museval is not installed.
    """
    package = importlib.util.find_spec("museval")
    if package is None or not package.submodule_search_locations:
        raise MetricError("museval is not installed; run: pip install museval")
    path = Path(package.submodule_search_locations[0]) / "metrics.py"
    spec = importlib.util.spec_from_file_location("museval_metrics", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def evaluate(*, references: Sources, estimates: Sources, window: int = WINDOW, hop: int = WINDOW) -> BSSEval:
    """`bsseval.evaluate` computed by museval, as `museval.evaluate` calls it; slow, and it holds whole-song spectra.

    Raises:
        MetricError: as `bsseval.evaluate`, or museval is not installed.
    """
    names, truth, guess = checked_sources(references, estimates, window=window, hop=hop)
    sdr, isr, sir, sar, _ = museval_metrics().bss_eval(
        np.stack(truth).astype(np.float64), np.stack(guess).astype(np.float64), window=window, hop=hop
    )
    window = min(window, len(truth[0]))
    return BSSEval(
        names,
        sdr,
        isr,
        sir,
        sar,
        silent_frames(truth, window=window, hop=hop),
        silent_frames(guess, window=window, hop=hop),
        window,
        hop,
    )

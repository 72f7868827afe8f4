"""What is compared: everything that turns a mixture into vocals."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from spleeter_bench.errors import BenchError
from spleeter_bench.systems.base import Separation, System, SystemInfo
from spleeter_bench.systems.process import DEFAULT_TIMEOUT, Launch, ProcessSystem

__all__ = ["DEFAULT_TIMEOUT", "Separation", "System", "SystemInfo", "make_system"]


@dataclass(frozen=True)
class _Kind:
    """One kind of system: what its spec looks like, which arguments it takes and how its worker is started."""

    form: str
    accepts: Callable[[str], bool]
    launch: Callable[[str, str], Launch]
    needs_references: bool = False


def make_system(spec: str, *, timeout: float = DEFAULT_TIMEOUT) -> System:
    """Make the system `spec` names, not yet started.

    Args:
        spec: `mixture`, `oracle:irm`, `oracle:irm@paper`, `vocal-unet:PATH`, `keras:NAME`, `spleeter:NAME`; NAME for
            `keras` is what `vocal_unet.Separator` takes (`spleeter:2stems`, a JSON file), for `spleeter` one of the
            original's configurations (`2stems`, a JSON file), with `@mwf` for its multichannel Wiener filter.
        timeout: seconds that starting, and each song, may take.

    Raises:
        BenchError: no such system.
    """
    kind_name, _, argument = spec.partition(":")
    kind = _KINDS.get(kind_name)
    if kind is None or not kind.accepts(argument):
        raise BenchError(f"unknown system {spec!r}; known: {', '.join(known.form for known in _KINDS.values())}")
    launch = functools.partial(kind.launch, spec, argument)
    return ProcessSystem(spec, launch, timeout=timeout, needs_references=kind.needs_references)


def _own_python(spec: str, argument: str) -> Launch:
    command = [sys.executable, "-m", "spleeter_bench.systems.worker", spec]
    return Launch(command, {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ})


def _original(spec: str, argument: str) -> Launch:
    from spleeter_bench.systems.original import original_launch

    return original_launch(argument)


def _is_oracle(argument: str) -> bool:
    from spleeter_bench.systems.baselines import ORACLES

    return argument in ORACLES


_KINDS = {
    "mixture": _Kind("mixture", lambda argument: not argument, _own_python),
    "oracle": _Kind("oracle:irm, oracle:irm@paper", _is_oracle, _own_python, needs_references=True),
    "vocal-unet": _Kind("vocal-unet:PATH", bool, _own_python),
    "keras": _Kind("keras:spleeter:2stems (any model name or JSON file)", bool, _own_python),
    "spleeter": _Kind("spleeter:2stems (the original; any of its models or a JSON file, + @mwf)", bool, _original),
}

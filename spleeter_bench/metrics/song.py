"""Everything a record says about one song: every metric of every stem, with what is odd about it in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from spleeter_bench.errors import MetricError
from spleeter_bench.metrics import bsseval as own
from spleeter_bench.metrics import museval_reference
from spleeter_bench.metrics.guards import silent_channels
from spleeter_bench.metrics.score import Scores, score

Engine = Literal["own", "museval", "none"]

NO_REFERENCE = "the reference is silent: not scored"
NEEDS_TWO = "BSSEval needs the estimates of two stems or more: not computed"

Waveforms = Mapping[str, np.ndarray]


def score_song(
    *,
    references: Waveforms,
    estimates: Waveforms,
    mixture: np.ndarray | None,
    sample_rate: int,
    bsseval: Engine = "own",
) -> dict[str, Scores]:
    """All metrics of all stems that have a reference and an estimate; all arrays real `(samples, channels)`.

    Per stem `score` gives the values over the whole song; BSSEval adds `sdr`, `isr`, `sir`, `sar`, medians over frames
    of one second, with the frames themselves in `Scores.frames`. Stems are compared in museval's two scenarios: vocals
    against accompaniment, and all other stems against each other with the vocals among them. Frames that count for
    nothing (a silent source, an infinite ratio) and stems that cannot be scored are said in the flags.

    Args:
        references: the true stems by name.
        estimates: stems by name; those without a reference are not looked at.
        mixture: for the improvements; None leaves them out.
        sample_rate: Hz; BSSEval's frames and hops are this many samples.
        bsseval: who computes BSSEval: "own", "museval" (the same numbers, slowly) or "none".

    Raises:
        MetricError: signals cannot be compared (`guards.check_pair`), or museval is wanted and not installed.
    """
    if bsseval not in ("own", "museval", "none"):
        raise MetricError(f"{bsseval!r} computes no BSSEval; use own, museval or none")
    results: dict[str, Scores] = {}
    for stem in (stem for stem in references if stem in estimates):
        if silent_channels(np.asarray(references[stem])).all():
            results[stem] = Scores({}, (NO_REFERENCE,))
        else:
            results[stem] = score(reference=references[stem], estimate=estimates[stem], mixture=mixture)
    if bsseval != "none":
        for scenario, reported in _scenarios(list(results)):
            _add_bsseval(results, references, estimates, scenario, reported, sample_rate, bsseval)
    return results


def _scenarios(stems: list[str]) -> list[tuple[list[str], list[str]]]:
    """(stems compared with each other, stems whose results count), as `museval.eval_mus_track` has them."""
    pair = ["vocals", "accompaniment"]
    if not set(pair) <= set(stems):
        return [(stems, stems)] if stems else []
    others = [stem for stem in stems if stem != "accompaniment"]
    scenarios = [(pair, pair)]
    if len(others) >= 2:
        scenarios.append((others, [stem for stem in others if stem != "vocals"]))
    return scenarios


def _add_bsseval(
    results: dict[str, Scores],
    references: Waveforms,
    estimates: Waveforms,
    scenario: list[str],
    reported: list[str],
    sample_rate: int,
    engine: Engine,
) -> None:
    """Add one scenario's BSSEval to the results of the stems it is reported for, or a flag that says why not."""
    silent = [
        f"{role} {stem}"
        for role, signals in (("reference", references), ("estimate", estimates))
        for stem in scenario
        if not np.asarray(signals[stem]).sum(axis=1).any()
    ]
    if len(scenario) < 2 or silent:
        why = f"BSSEval is not defined, the {', the '.join(silent)} being silent" if silent else NEEDS_TWO
        for stem in reported:
            results[stem] = _with(results[stem], flags=(why,))
        return
    evaluate = own.evaluate if engine == "own" else museval_reference.evaluate
    result = evaluate(
        references={stem: references[stem] for stem in scenario},
        estimates={stem: estimates[stem] for stem in scenario},
        window=sample_rate,
        hop=sample_rate,
    )
    for stem in reported:
        results[stem] = _with(
            results[stem], values=result.medians(stem), flags=result.flags(stem), frames=result.by_metric(stem)
        )


def _with(
    scores: Scores,
    values: Mapping[str, float] | None = None,
    flags: tuple[str, ...] = (),
    frames: Mapping[str, np.ndarray] | None = None,
) -> Scores:
    return Scores({**scores.values, **(values or {})}, (*scores.flags, *flags), frames or scores.frames)

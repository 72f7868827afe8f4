"""What the paper's table measured: its metrics on a real song, along the right and along the wrong axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spleeter_bench.systems import make_system
from spleeter_bench.tracks import TrackAudio, find_tracks

PAPER: Mapping[str, tuple[float, float]] = {"its model": (122.785713, 12.634773), "Spleeter": (36.892208, 9.791475)}
"""The paper's table: SI-SNR and SI-SDR in dB."""

ORACLE = "oracle:irm"
TYPES = (np.float64, np.float32)

EXPLANATION = (
    "SI-SNR is SI-SDR after removing the mean, and music has next to no mean, so the two differ by hundredths of a dB "
    "on any song; the paper's differ by 110 and 27 dB.",
    "That is what comes of handing arrays of shape (samples, 2) to a metric that reduces over the last axis, as "
    "torchmetrics does: less its mean every stereo sample is (a, −a), any two such pairs are parallel, and what is "
    "printed is the level of the estimate over the smallest number the metric adds against division by zero.",
    "That number is 2.2e-16 in float64 and 1.2e-7 in float32, 87 dB apart, so the unprocessed mixture, scored as if it "
    "were the vocals, beats an ideal mask and lands beside either of the paper's systems, whose table compares loudness "
    "and number formats instead of separators.",
)


@dataclass(frozen=True)
class Line:
    """One estimate in one number format; all ratios in dB."""

    estimate: str
    dtype: str
    right_si_snr: float
    right_si_sdr: float
    wrong_si_snr: float
    wrong_si_sdr: float


def unguarded_si_sdr(*, reference: np.ndarray, estimate: np.ndarray, zero_mean: bool) -> float:
    """SI-SDR, or SI-SNR with `zero_mean`, over the LAST axis and averaged over the others, without any guard.

    The lines of torchmetrics 1.x's `scale_invariant_signal_distortion_ratio` in NumPy, in the arrays' own type. This is
    the function that falls into the trap; `metrics.si_sdr` refuses it.

    Args:
        reference: real `(..., samples)`.
        estimate: real, of the same shape and type.
    """
    smallest = np.finfo(estimate.dtype).eps
    if zero_mean:
        reference = reference - reference.mean(axis=-1, keepdims=True)
        estimate = estimate - estimate.mean(axis=-1, keepdims=True)
    inner = np.sum(estimate * reference, axis=-1, keepdims=True)
    target = (inner + smallest) / (np.sum(reference**2, axis=-1, keepdims=True) + smallest) * reference
    signal, noise = np.sum(target**2, axis=-1), np.sum((target - estimate) ** 2, axis=-1)
    return float(np.mean(10 * np.log10((signal + smallest) / (noise + smallest))))


def compare_axes(name: str, *, reference: np.ndarray, estimate: np.ndarray) -> list[Line]:
    """One line per number format; both waveforms real `(samples, channels)`."""
    lines = []
    for dtype in TYPES:
        true, guess = reference.astype(dtype), estimate.astype(dtype)
        ratios = {
            (axis, zero_mean): unguarded_si_sdr(reference=one, estimate=other, zero_mean=zero_mean)
            for axis, one, other in (("right", true.T, guess.T), ("wrong", true, guess))
            for zero_mean in (True, False)
        }
        lines.append(
            Line(
                name,
                np.dtype(dtype).name,
                ratios["right", True],
                ratios["right", False],
                ratios["wrong", True],
                ratios["wrong", False],
            )
        )
    return lines


def audit() -> list[Line]:
    """The mixture and the ideal mask's vocals of the real clip against its vocals.

    Raises:
        BenchError: the clip is missing, or the oracle cannot run here.
    """
    track = find_tracks(["example"])[0]
    audio = track.load()
    return [
        *compare_axes("mixture", reference=audio.references["vocals"], estimate=audio.mixture),
        *compare_axes(ORACLE, reference=audio.references["vocals"], estimate=_oracle_vocals(audio, track.sample_rate)),
    ]


def _oracle_vocals(audio: TrackAudio, sample_rate: int) -> np.ndarray:
    system = make_system(ORACLE)
    try:
        system.start()
        return system.separate(audio.mixture, sample_rate, audio.references).stems["vocals"]
    finally:
        system.close()


def render(lines: Sequence[Line]) -> str:
    """The table beside the paper's, and three sentences that explain it."""
    names = [*(line.estimate for line in lines), *(f"the paper: {name}" for name in PAPER)]
    width = max(map(len, names)) + 2
    out = [
        "Vocals of The Easton Ellises – Falcon 69 (MUSDB18, test), SI-SNR / SI-SDR in dB",
        "",
        f"{'estimate':{width}}{'type':10}{'over time (right)':>20}{'over channels (wrong)':>25}",
    ]
    for line in lines:
        right = f"{line.right_si_snr:.2f} / {line.right_si_sdr:.2f}"
        wrong = f"{line.wrong_si_snr:.2f} / {line.wrong_si_sdr:.2f}"
        out.append(f"{line.estimate:{width}}{line.dtype:10}{right:>20}{wrong:>25}")
    for name, (si_snr, si_sdr) in PAPER.items():
        printed = f"{si_snr:.2f} / {si_sdr:.2f}"
        out.append(f"{'the paper: ' + name:{width}}{'not said':10}{'–':>20}{printed:>25}")
    return "\n".join([*out, "", *EXPLANATION])

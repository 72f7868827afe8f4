"""BSSEval v4, equal to museval 0.4.1: SDR, ISR, SIR and SAR of all stems of a song, frame by frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.fft
from threadpoolctl import threadpool_limits

from spleeter_bench.errors import MetricError
from spleeter_bench.metrics.distortion_filters import FILTER_LENGTH, correlations, joined, projection_filters
from spleeter_bench.metrics.guards import check_waveform

METRICS = ("sdr", "isr", "sir", "sar")
WINDOW = 44100
"""One second at 44.1 kHz, museval's default for MUSDB18."""

Sources = Mapping[str, np.ndarray] | Sequence[np.ndarray] | np.ndarray


@dataclass(frozen=True)
class BSSEval:
    """Ratios in dB, float64 `(sources, frames)` each, exactly as museval gives them.

    A frame in which any reference or estimate is silent is NaN in all sources; a ratio to an error of exactly nothing
    is infinite. Neither is hidden: `silent` says where the first comes from, `infinite` counts the second.
    """

    sources: tuple[str, ...]
    sdr: np.ndarray
    isr: np.ndarray
    sir: np.ndarray
    sar: np.ndarray
    reference_silent: np.ndarray
    """bool `(sources, frames)`: the reference's channels add up to exactly zero all through the frame."""
    estimate_silent: np.ndarray
    """The same of the estimates."""
    window: int
    hop: int

    @property
    def frames(self) -> int:
        """How many frames the song has."""
        return self.sdr.shape[1]

    @property
    def silent(self) -> np.ndarray:
        """bool `(frames,)`: frames without ratios, because some source or estimate is silent."""
        return (self.reference_silent | self.estimate_silent).any(axis=0)

    @property
    def infinite(self) -> np.ndarray:
        """int `(sources,)`: frames with an infinite ratio, which medians leave out as museval's stores do."""
        return np.isinf([self.sdr, self.isr, self.sir, self.sar]).any(axis=0).sum(axis=-1)

    def by_metric(self, source: str) -> dict[str, np.ndarray]:
        """The ratios of one source by metric name, float64 `(frames,)`."""
        return {name: getattr(self, name)[self.sources.index(source)] for name in METRICS}

    def medians(self, source: str) -> dict[str, float]:
        """Median over the frames with a finite ratio, dB by metric name; a metric without any such frame is missing."""
        finite = {name: ratios[np.isfinite(ratios)] for name, ratios in self.by_metric(source).items()}
        return {name: float(np.median(ratios)) for name, ratios in finite.items() if ratios.size}

    def flags(self, source: str) -> tuple[str, ...]:
        """What the medians of a source leave out, in words."""
        out = []
        if self.silent.any():
            out.append(f"BSSEval leaves out {self.silent.sum()} of {self.frames} frames, some source being silent")
        infinite = self.infinite[self.sources.index(source)]
        if infinite:
            out.append(f"BSSEval leaves out {infinite} of {self.frames} frames with an infinite ratio")
        return tuple(out)


def evaluate(
    *, references: Sources, estimates: Sources, window: int = WINDOW, hop: int = WINDOW, workers: int | None = None
) -> BSSEval:
    """BSSEval v4 of a whole song: one set of distortion filters for the song, ratios per frame.

    With s the reference, P s its best match to the estimate e through 512-tap filters over its channels, and Q the
    best match through filters over the channels of all references (Vincent et al., "First stereo audio source
    separation evaluation campaign", 2007; Stöter, Liutkus, Ito, "The 2018 signal separation evaluation campaign"):
    `SDR = |s|²/|e − s|²`, `ISR = |s|²/|Ps − s|²`, `SIR = |Ps|²/|Q − Ps|²`, `SAR = |Q|²/|e − Q|²`, all sums over samples
    and channels of a frame with the 511 samples the filters add to it. Equal to museval 0.4.1 within 1e-6 dB where the
    ratios are below 100 dB; above that both are rounding.

    museval filters every frame in the time domain and keeps whole-song spectra; here the energies are summed over the
    spectrum of a frame (Parseval), so nothing is transformed back, and memory grows with the frame instead of the song.

    Args:
        references: real `(samples, channels)` per source: a mapping by name, or an array `(sources, samples, channels)`.
        estimates: the same names and shapes.
        window: samples per frame; one longer than the song means one frame.
        hop: samples between the starts of frames.
        workers: threads; default one per processor this process may use. The result does not depend on it.

    Raises:
        MetricError: names or shapes differ, samples are no finite real numbers, time is not the longest axis, a
            reference or estimate is silent all through the song, or window or hop are not positive.
    """
    names, truth, guess = checked_sources(references, estimates, window=window, hop=hop)
    window = min(window, len(truth[0]))
    reference_silent = silent_frames(truth, window=window, hop=hop)
    estimate_silent = silent_frames(guess, window=window, hop=hop)
    starts = frame_starts(len(truth[0]), window=window, hop=hop)
    # threads of linear algebra within these threads wait for each other, on a busy machine for most of the time
    with ThreadPoolExecutor(workers or _processors()) as pool, threadpool_limits(1, user_api="blas"):
        transform = _FrameTransform(truth, guess, window, pool)

        def ratios(frame: int) -> np.ndarray:
            if reference_silent[:, frame].any() or estimate_silent[:, frame].any():
                return np.full((len(METRICS), len(names)), np.nan)
            return transform.ratios(joined([*truth, *guess], starts[frame], starts[frame] + window))

        sdr, isr, sir, sar = np.stack(list(pool.map(ratios, range(len(starts)))), axis=-1)
    return BSSEval(names, sdr, isr, sir, sar, reference_silent, estimate_silent, window, hop)


class _FrameTransform:
    """The distortion filters of a song as spectra, and the ratios of a frame from them."""

    def __init__(self, references: Sequence[np.ndarray], estimates: Sequence[np.ndarray], window: int, pool: Executor):
        self.sources = len(references)
        self.channels = references[0].shape[1]
        self.length = scipy.fft.next_fast_len(window + FILTER_LENGTH - 1, real=True)
        correlation = correlations(references, estimates, pool)
        inputs = self.sources * self.channels
        among, cross = correlation[:, :, :inputs], correlation[:, :, inputs:]
        # (output channels, input channels, frequencies): what an estimate has of all references, and of its own
        self.joint = scipy.fft.rfft(projection_filters(among, cross), self.length)
        self.own = [
            scipy.fft.rfft(projection_filters(among[:, own, own], cross[:, own, own]), self.length)
            for own in map(self._channels_of, range(self.sources))
        ]

    def _channels_of(self, source: int) -> slice:
        return slice(source * self.channels, (source + 1) * self.channels)

    def ratios(self, waveform: np.ndarray) -> np.ndarray:
        """SDR, ISR, SIR, SAR `(4, sources)` in dB of a frame `(reference and estimate channels, samples)`."""
        references, estimates = np.split(scipy.fft.rfft(waveform, self.length), 2)
        waves = np.split(waveform, 2)
        out = np.empty((4, self.sources))
        for source in range(self.sources):
            own = self._channels_of(source)
            true = error = own_image = spatial = interference = image = artifacts = 0.0
            for channel, output in enumerate(range(own.start, own.stop)):
                true += _square_sum(waves[0][output])
                error += _square_sum(waves[1][output] - waves[0][output])
                projected = _filtered(self.own[source][channel], references[own])
                own_image += self._energy(projected)
                spatial += self._energy(projected - references[output])
                from_all = _filtered(self.joint[output], references)
                image += self._energy(from_all)
                interference += self._energy(from_all - projected)
                artifacts += self._energy(estimates[output] - from_all)
            out[:, source] = (
                _decibels(true, error),
                _decibels(true, spatial),
                _decibels(own_image, interference),
                _decibels(image, artifacts),
            )
        return out

    def _energy(self, spectrum: np.ndarray) -> float:
        """Energy of the real signal of `length` samples whose half spectrum this is (Parseval)."""
        total = 2 * _square_sum(spectrum.view(np.float64)) - abs(spectrum[0]) ** 2
        if self.length % 2 == 0:
            total -= abs(spectrum[-1]) ** 2
        return float(total) / self.length


def _filtered(filters: np.ndarray, spectra: np.ndarray) -> np.ndarray:
    """Sum over inputs of filter times spectrum, all complex `(inputs, frequencies)`."""
    total = filters[0] * spectra[0]
    product = np.empty_like(total)
    for one_filter, spectrum in zip(filters[1:], spectra[1:], strict=True):
        np.multiply(one_filter, spectrum, out=product)
        total += product
    return total


def _square_sum(values: np.ndarray) -> float:
    # not np.dot: its threads and those of the frames would fight for the processors
    return float(np.einsum("i,i->", values, values))


def _decibels(signal: float, error: float) -> float:
    """Ratio of two energies in dB; infinite without an error, as in museval."""
    if error == 0:
        return np.inf
    return float(10 * np.log10(signal / error)) if signal > 0 else -np.inf


def checked_sources(
    references: Sources, estimates: Sources, *, window: int, hop: int
) -> tuple[tuple[str, ...], list[np.ndarray], list[np.ndarray]]:
    """Names, references and estimates in the references' order; errors as `evaluate`."""
    if window < 1 or hop < 1:
        raise MetricError(f"window {window} and hop {hop}: both must be at least one sample")
    truth, guess = _by_name(references), _by_name(estimates)
    if not truth:
        raise MetricError("there are no references to evaluate")
    if set(truth) != set(guess):
        raise MetricError(f"the references are {', '.join(truth)}; the estimates are {', '.join(guess) or 'none'}")
    first_name, first = next(iter(truth.items()))
    for role, signals in (("reference", truth), ("estimate", guess)):
        for name, signal in signals.items():
            check_waveform(f"{role} {name}", signal)
            if signal.shape != first.shape:
                raise MetricError(
                    f"the {role} {name} has shape {signal.shape}, the reference {first_name} {first.shape}"
                )
            if is_silent(signal):
                raise MetricError(f"the {role} {name} is silent: BSSEval is not defined")
    return tuple(truth), list(truth.values()), [guess[name] for name in truth]


def frame_starts(samples: int, *, window: int, hop: int) -> list[int]:
    """First samples of the frames; what does not fill a last window is left out, as in museval."""
    return [0] if window >= samples else list(range(0, samples - window + 1, hop))


def silent_frames(signals: Sequence[np.ndarray], *, window: int, hop: int) -> np.ndarray:
    """Which frames of `(samples, channels)` signals are silent as `is_silent` has it: bool `(signals, frames)`."""
    starts = frame_starts(len(signals[0]), window=window, hop=hop)
    return np.array([[is_silent(signal[start : start + window]) for start in starts] for signal in signals])


def is_silent(signal: np.ndarray) -> bool:
    """museval's rule: the channels of `(samples, channels)` add up to exactly zero at every sample."""
    pieces = (signal[start : start + 4096] for start in range(0, len(signal), 4096))
    return not any(piece.sum(axis=1).any() for piece in pieces)


def _by_name(sources: Sources) -> dict[str, np.ndarray]:
    if isinstance(sources, Mapping):
        return {name: np.asarray(signal) for name, signal in sources.items()}
    return {str(number): np.asarray(signal) for number, signal in enumerate(sources)}


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

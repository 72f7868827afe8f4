"""Ideal masks that have seen the answer: what masking can reach at most, at Spleeter's framing and at the paper's."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from spleeter_bench.sidecar.protocol.serve import Failure, Model

BLOCK_FRAMES = 256
"""Frames filtered at a time, so that the Wiener filter's matrices stay small however long the song is."""

REGULARIZATION = 1e-8
"""Share of a covariance's trace added to its diagonal: one coherent source alone would leave it singular. −80 dB."""

Filter = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""`(mixture, vocals, others) -> estimated vocals`, all complex `(frames, bins, channels)`."""


def ratio_mask(power: int) -> Filter:
    """Ideal ratio mask `|V|ᵖ / (|V|ᵖ + |A|ᵖ)` per channel, frame and bin: IRM1 with p = 1, IRM2 (Wiener-like) with p = 2.

    Liutkus & Badeau, "Generalized Wiener filtering with fractional power spectrograms", ICASSP 2015.
    """

    def apply(mixture: np.ndarray, vocals: np.ndarray, others: np.ndarray) -> np.ndarray:
        numerator = np.abs(vocals) ** power
        total = numerator + np.abs(others) ** power
        # where everything is silent there is nothing to share out
        return np.divide(numerator, total, out=np.zeros_like(total), where=total > 0) * mixture

    return apply


def binary_mask(mixture: np.ndarray, vocals: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Ideal binary mask: 1 where the vocals are the louder of the two (Wang 2005), per channel, frame and bin."""
    return (np.abs(vocals) > np.abs(others)) * mixture


def wiener_filter(mixture: np.ndarray, vocals: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Ideal multichannel Wiener filter `v R (Σ vⱼ Rⱼ)⁻¹ x` in the local Gaussian model (Duong et al. 2010).

    The power `v` of a source is its mean over channels of `|s|²`, its spatial covariance per bin is
    `R = Σₜ s sᴴ / Σₜ v`: the moments norbert starts from, taken from the true sources. Stereo only.

    Raises:
        Failure: not two channels.
    """
    if mixture.shape[-1] != 2:
        raise Failure(f"the multichannel Wiener filter is for stereo, not for {mixture.shape[-1]} channels")
    sources = (vocals, others)
    covariances = [_spatial_covariance(source) for source in sources]
    estimate = np.empty_like(mixture)
    for block in _blocks(len(mixture)):
        parts = [
            _power(source[block])[..., None, None] * covariance
            for source, covariance in zip(sources, covariances, strict=True)
        ]
        total = parts[0] + parts[1]
        total += (
            np.eye(2) * (REGULARIZATION * np.einsum("fbii->fb", total).real + np.finfo(float).tiny)[..., None, None]
        )
        gain = parts[0] @ _inverse(total)  # (frames, bins, 2, 2)
        estimate[block] = np.einsum("fbij,fbj->fbi", gain, mixture[block])
    return estimate


FILTERS: Mapping[str, Filter] = {
    "irm": ratio_mask(1),
    "irm1": ratio_mask(1),
    "irm2": ratio_mask(2),
    "ibm": binary_mask,
    "mwf": wiener_filter,
}
FRAMINGS = ("spleeter", "paper")
ORACLES = tuple(name + at for name in FILTERS for at in ("", *(f"@{framing}" for framing in FRAMINGS)))


def oracle_model(argument: str) -> Model:
    """An ideal filter on the mixture's STFT, for instance `irm1`, `mwf@paper`; without a framing it is Spleeter's.

    V and A are the STFTs of the reference vocals and of everything else; the accompaniment is what the vocals leave.
    """
    import tensorflow as tf

    from vocal_unet import Framing, istft, stft

    name, _, at = argument.partition("@")
    apply = FILTERS[name]
    framing = Framing.PAPER if at == "paper" else Framing.SPLEETER

    def separate(mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if "vocals" not in references:
            raise Failure(f"the oracle needs the reference vocals (there are: {', '.join(references) or 'none'})")
        spectrogram = stft(mixture, framing).numpy()
        vocals = stft(references["vocals"], framing).numpy()
        others = stft(accompaniment(mixture, references), framing).numpy()
        estimate = apply(spectrogram, vocals, others).astype(np.complex64)
        stems = {"vocals": estimate, "accompaniment": spectrogram - estimate}
        return {stem: istft(masked, framing, len(mixture)).numpy() for stem, masked in stems.items()}

    versions = {"python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__}
    return Model(separate, "", versions, needs_references=True)


def accompaniment(mixture: np.ndarray, references: Mapping[str, np.ndarray]) -> np.ndarray:
    """Everything but the vocals, `(samples, channels)`: its own reference, the sum of the others, or the rest."""
    if "accompaniment" in references:
        return references["accompaniment"]
    others = [audio for stem, audio in references.items() if stem != "vocals"]
    return np.stack(others).sum(axis=0) if others else mixture - references["vocals"]


def _power(source: np.ndarray) -> np.ndarray:
    """Mean of |s|² over channels, float64 `(frames, bins)`."""
    return np.mean(np.abs(source.astype(np.complex128)) ** 2, axis=-1)


def _spatial_covariance(source: np.ndarray) -> np.ndarray:
    """complex128 `(bins, channels, channels)`; zero in bins where the source is silent throughout."""
    bins, channels = source.shape[1:]
    outer, power = np.zeros((bins, channels, channels), np.complex128), np.zeros(bins)
    for block in _blocks(len(source)):
        part = source[block].astype(np.complex128)
        outer += np.einsum("fbi,fbj->bij", part, part.conj())
        power += _power(source[block]).sum(axis=0)
    return np.divide(outer, power[:, None, None], out=np.zeros_like(outer), where=power[:, None, None] > 0)


def _inverse(matrices: np.ndarray) -> np.ndarray:
    """Inverse of `(..., 2, 2)`, written out: a million small solves through LAPACK take ten times as long."""
    a, b, c, d = (matrices[..., row, column] for row in (0, 1) for column in (0, 1))
    adjugate = np.stack([np.stack([d, -b], axis=-1), np.stack([-c, a], axis=-1)], axis=-2)
    determinant = a * d - b * c
    # only a bin that is silent in every source has no inverse, and its gain is zero whatever stands here
    return np.divide(
        adjugate,
        determinant[..., None, None],
        out=np.zeros_like(adjugate),
        where=np.abs(determinant[..., None, None]) > 0,
    )


def _blocks(frames: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK_FRAMES) for start in range(0, frames, BLOCK_FRAMES))

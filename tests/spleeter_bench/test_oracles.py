"""Ideal filters against their formulas, and how far they get on material they must get far on."""

from __future__ import annotations

import numpy as np
import pytest

from spleeter_bench.metrics import si_sdr
from spleeter_bench.sidecar.protocol.serve import Failure
from spleeter_bench.systems import make_system
from spleeter_bench.systems.baselines import mid_model
from spleeter_bench.systems.oracles import FILTERS, ORACLES, oracle_model, wiener_filter
from vocal_unet.data.synthetic import generate_song


def spectra(seed: int, frames: int = 40, bins: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Two sources, complex64 `(frames, bins, 2)`, each a panned one with loudness that changes."""
    rng = np.random.default_rng(seed)
    out = []
    for pan in ((1.0, 0.2), (0.3, 1.0)):
        loudness = rng.uniform(0.01, 3, (frames, bins, 1))
        source = rng.standard_normal((frames, bins, 1)) + 1j * rng.standard_normal((frames, bins, 1))
        out.append((loudness * source * np.array(pan)).astype(np.complex64))
    return out[0], out[1]


def test_masks_are_their_formulas() -> None:
    vocals, others = spectra(0)
    mixture = vocals + others
    v, a = np.abs(vocals), np.abs(others)
    for name, mask in (("irm", v / (v + a)), ("irm2", v**2 / (v**2 + a**2)), ("ibm", v > a)):
        # float32 arithmetic
        np.testing.assert_allclose(FILTERS[name](mixture, vocals, others), mask * mixture, rtol=1e-5)
    silence = np.zeros_like(mixture)
    for name, apply in FILTERS.items():
        assert not apply(silence, silence, silence).any(), name


def test_the_wiener_filter_is_its_formula() -> None:
    rng = np.random.default_rng(1)
    # a little of everything in both channels keeps the plain inverse below well conditioned
    vocals, others = (
        s + 0.3 * (rng.standard_normal(s.shape) + 1j * rng.standard_normal(s.shape)) for s in spectra(1, 300, 3)
    )
    mixture = vocals + others
    expected = np.empty_like(mixture)
    for b in range(mixture.shape[1]):
        powers, covariances = [], []
        for source in (vocals, others):
            power = np.mean(np.abs(source[:, b]) ** 2, axis=-1)
            powers.append(power)
            covariances.append(sum(np.outer(x, x.conj()) for x in source[:, b]) / power.sum())
        for f in range(len(mixture)):
            parts = [power[f] * covariance for power, covariance in zip(powers, covariances, strict=True)]
            expected[f, b] = parts[0] @ np.linalg.solve(parts[0] + parts[1], mixture[f, b])
    # the regularization changes the result by 1e-8 times the condition number, here below 100
    np.testing.assert_allclose(wiener_filter(mixture, vocals, others), expected, rtol=0, atol=1e-5)


def test_the_wiener_filter_separates_two_panned_sources_almost_entirely() -> None:
    vocals, others = spectra(2)
    estimate = wiener_filter(vocals + others, vocals, others)
    # two coherent sources in two channels can be told apart but for the regularization
    assert 10 * np.log10(np.sum(np.abs(vocals) ** 2) / np.sum(np.abs(vocals - estimate) ** 2)) > 60


def test_the_wiener_filter_is_for_stereo() -> None:
    mono = np.ones((3, 4, 1), np.complex64)
    with pytest.raises(Failure, match="for stereo, not for 1 channels"):
        wiener_filter(mono, mono, mono)


@pytest.fixture(scope="module")
def song() -> dict[str, np.ndarray]:
    stems = generate_song(3, 3)
    return {"vocals": stems["vocals"], "accompaniment": stems["drums"] + stems["bass"] + stems["other"]}


@pytest.mark.parametrize("name", ORACLES)
def test_every_oracle_beats_the_mixture_by_far(name: str, song: dict[str, np.ndarray]) -> None:
    mixture = song["vocals"] + song["accompaniment"]
    stems = oracle_model(name).separate(mixture, 44100, song)
    gain = si_sdr(reference=song["vocals"], estimate=stems["vocals"]) - si_sdr(
        reference=song["vocals"], estimate=mixture
    )
    assert gain > 8
    # what the vocals leave is the accompaniment: float32 STFTs there and back lose about 120 dB
    np.testing.assert_allclose(stems["vocals"] + stems["accompaniment"], mixture, atol=1e-5)
    assert stems["vocals"].dtype == np.float32


def test_mid_takes_a_centred_voice_out_of_a_wide_band(song: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    voice = np.repeat(rng.standard_normal((5000, 1)), 2, axis=1).astype(np.float32)
    band = rng.standard_normal((5000, 1)).astype(np.float32) * np.array([1, -1], np.float32)
    stems = mid_model().separate(voice + band, 44100, {})
    np.testing.assert_allclose(stems["vocals"], voice, atol=1e-6)
    np.testing.assert_allclose(stems["accompaniment"], np.repeat(band[:, :1], 2, axis=1), atol=1e-6)
    with pytest.raises(Failure, match="for stereo"):
        mid_model().separate(voice[:, :1], 44100, {})


def test_the_new_systems_run_in_processes_of_their_own(song: dict[str, np.ndarray]) -> None:
    mixture = song["vocals"] + song["accompaniment"]
    for spec in ("mid", "oracle:mwf@paper"):
        with make_system(spec) as system:
            assert set(system.separate(mixture, 44100, song).stems) == {"vocals", "accompaniment"}

"""Spleeter's network in our loop, other targets than vocals, and validation that separates as users do."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench.metrics import si_sdr as benchmarks_si_sdr
from tests.conftest import snr
from tests.vocal_unet.test_training import SMALL
from tests.vocal_unet.test_training_preflight import COARSE, SPLEETER
from vocal_unet import Separator
from vocal_unet.audio import write_audio
from vocal_unet.config import AugmentConfig, TrainConfig, UNetConfig
from vocal_unet.data.excerpts import excerpt_samples
from vocal_unet.loading import LoadedModel
from vocal_unet.training.architectures import architecture
from vocal_unet.training.train import train
from vocal_unet.training.validation import Validation, si_sdr

STEMS = ("vocals", "accompaniment")


@pytest.mark.parametrize("config", [SMALL, SPLEETER, COARSE], ids=["unet", "spleeter", "coarse"])
def test_validation_hears_what_a_separator_gives(config: TrainConfig, tone) -> None:
    plan = architecture(config, STEMS)
    network = plan.build(config.framing)
    samples = excerpt_samples(config.framing)
    mixture, target = tone(samples), tone(samples, seed=1)
    _, estimates = Validation(network, plan, np.empty((0,))).separate([np.stack([mixture, target])])
    separator = Separator(LoadedModel("new", network, config.framing, plan.masking, STEMS, "none"))
    # float32 through the same steps, in batches of another shape
    assert snr(separator.separate(mixture)["vocals"], estimates[0]) > 110


def test_validations_si_sdr_is_the_benchmarks(tone) -> None:
    reference, estimate = tone(5000), tone(5000, seed=1)
    expected = benchmarks_si_sdr(reference=reference, estimate=estimate)
    assert si_sdr(reference=reference, estimate=estimate) == pytest.approx(expected, abs=1e-9)
    silent = np.stack([reference[:, 0], np.zeros(5000)], axis=1)
    assert si_sdr(reference=silent, estimate=estimate) == pytest.approx(
        benchmarks_si_sdr(reference=silent, estimate=estimate), abs=1e-9
    )
    assert np.isnan(si_sdr(reference=0 * reference, estimate=estimate))


def test_scores_are_means_over_the_excerpts(tone) -> None:
    plan = architecture(SMALL, STEMS)
    samples = excerpt_samples(SMALL.framing)
    excerpts = np.stack([[tone(samples, seed=i) + tone(samples, seed=i + 9), tone(samples, seed=i)] for i in range(2)])
    validation = Validation(plan.build(SMALL.framing), plan, excerpts)
    scores = validation()
    losses, estimates = validation.separate(excerpts)
    each = [si_sdr(reference=e[1], estimate=s) for e, s in zip(excerpts, estimates, strict=True)]
    mixtures = [si_sdr(reference=e[1], estimate=e[0]) for e in excerpts]
    assert scores.loss == pytest.approx(np.mean(losses))
    assert (scores.si_sdr, scores.si_sdri) == pytest.approx((np.mean(each), np.mean(each) - np.mean(mixtures)))


def test_spleeters_stems_share_the_parts_in_phase_with_the_mixture() -> None:
    plan = architecture(dataclasses.replace(SPLEETER, loss="spectral_snr"), STEMS)
    rng = np.random.default_rng(0)
    mixture = rng.gamma(1, 1, (1, 2, 3, 2)).astype(np.float32)
    target = (mixture * rng.uniform(-0.2, 1, mixture.shape)).astype(np.float32)
    targets = plan.targets(mixture, target, None)
    for stem, part in zip(STEMS, (target, mixture - target), strict=True):
        assert float(plan.losses()[stem](targets[stem], part)[0, 0]) == pytest.approx(0, abs=1e-6)
        assert float(plan.losses()[stem](targets[stem], 0 * part)[0, 0]) > 1


@pytest.mark.parametrize("settings", [SMALL, SPLEETER])
def test_a_voice_in_the_rest_counts_as_a_missing_voice(settings: TrainConfig) -> None:
    plan = architecture(dataclasses.replace(settings, loss="spectral_snr", missed_weight=4.0), STEMS)
    rng = np.random.default_rng(0)
    mixture = rng.gamma(1, 1, (1, 2, 3, 2)).astype(np.float32)
    target = (mixture * rng.uniform(0, 1, mixture.shape)).astype(np.float32)
    targets = plan.targets(mixture, target, None)
    parts = {"vocals": target, "accompaniment": mixture - target}

    def error(name: str, estimate: np.ndarray) -> float:
        return float(np.expm1(plan.losses()[name](targets[name], estimate)[0, 0]))

    for name in plan.losses():
        ratio = error(name, 0.5 * parts[name]) / error(name, 1.5 * parts[name])
        assert ratio == pytest.approx(4 if name == "vocals" else 1 / 4, rel=1e-4)


def songs(folder: Path, low: str, high: str) -> Path:
    """Three songs: one stem of noise below 3 kHz, one of noise from there to 12 kHz."""
    rng = np.random.default_rng(0)
    for name in ("one", "two", "three"):
        (folder / name).mkdir(parents=True)
        spectrum = np.fft.rfft(rng.standard_normal((20_000, 2)), axis=0)
        parts = {low: spectrum.copy(), high: spectrum.copy()}
        parts[low][1400:], parts[high][:1400], parts[high][5500:] = 0, 0, 0
        for stem, part in parts.items():
            samples = (0.05 * np.fft.irfft(part, axis=0)).astype(np.float32)
            write_audio(folder / name / f"{stem}.wav", samples, 44100, sample_format="float32")
    return folder


def test_spleeters_network_trains_in_the_same_loop(tmp_path: Path) -> None:
    config = dataclasses.replace(
        SPLEETER, epochs=4, steps_per_epoch=80, batch_size=1, learning_rate=5e-3, augment=AugmentConfig.NONE
    )
    result = train(config, f"stems:{songs(tmp_path / 'songs', 'other', 'vocals')}", tmp_path / "model")
    assert result.best["val_si_sdri"] > 3
    separator = Separator(tmp_path / "model")
    assert separator.stems == STEMS and separator.model.masking.kind == "ratio"


def test_speech_in_noise_trains_a_denoiser(tmp_path: Path) -> None:
    config = dataclasses.replace(
        SMALL, target="speech", epochs=3, steps_per_epoch=30, learning_rate=2e-2, augment=AugmentConfig.NONE,
        unet=UNetConfig(filters=(4, 8), dropout=(), batch_normalization_momentum=0.9),
    )  # fmt: skip
    folder = songs(tmp_path / "songs", "noise", "speech")
    result = train(config, f"stems:{folder}", tmp_path / "model")
    assert result.best["val_si_sdri"] > 6
    assert json.loads((tmp_path / "model" / "config.json").read_text())["stems"] == ["speech", "noise"]
    assert "Separates speech from noise" in (tmp_path / "model" / "model_card.md").read_text()

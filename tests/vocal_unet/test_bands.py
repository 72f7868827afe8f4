"""Bands: what is above the network's bins, and stems that sum to the mixture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import snr
from vocal_unet import Framing, Separator, stft
from vocal_unet.config import Masking, SpleeterNetworkConfig, rest_stem
from vocal_unet.loading import LoadedModel
from vocal_unet.models.spleeter import build_spleeter

FRAMING = Framing(frame_length=512, frame_step=128, segment_frames=64, bins=192)
EDGE = 3
"""Bins on either side of the edge that are left out."""
LEAKAGE = 0.01
"""Overlapping frames, each filtered by itself, leak about this much (−40 dB) across the edge and beyond."""
NOISE = (0.1 * np.random.default_rng(0).standard_normal((20_000, 2))).astype(np.float32)
STEMS = {
    "2stems": ("vocals", "accompaniment"),
    "4stems": ("vocals", "drums", "bass", "other"),
    "5stems": ("vocals", "piano", "drums", "bass", "other"),
}


def make_model(name: str) -> LoadedModel:
    """A small model of a published kind; its weights are Spleeter's initial ones."""
    kind = "unet.softmax_unet" if name == "5stems" else "unet.unet"
    config = SpleeterNetworkConfig(kind, (2, 3, 4, 5, 6, 7), "ELU", "ELU")
    return LoadedModel(name, build_spleeter(FRAMING, STEMS[name], config), FRAMING, Masking(), STEMS[name], "initial")


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return make_model("2stems")


@pytest.fixture(scope="module", params=[False, True], ids=["mask", "mwf"])
def separated(request: pytest.FixtureRequest, model: LoadedModel) -> dict[str, dict[str, np.ndarray]]:
    """The noise's stems for every band, with and without the Wiener filter."""
    bands = ("spleeter", "extend", "rest")
    return {band: Separator(model, mwf=request.param, band=band).separate(NOISE) for band in bands}


def above(waveform: np.ndarray) -> np.ndarray:
    return np.abs(stft(waveform, FRAMING).numpy())[:, FRAMING.bins + EDGE :]


def below(waveform: np.ndarray) -> np.ndarray:
    return np.abs(stft(waveform, FRAMING).numpy())[:, : FRAMING.bins - EDGE]


@pytest.mark.parametrize("name", STEMS)
@pytest.mark.parametrize("settings", [{"band": "extend"}, {"band": "rest"}, {"band": "rest", "mwf": True}], ids=str)
def test_stems_sum_to_the_mixture(name: str, settings: dict) -> None:
    stems = Separator(make_model(name), **settings).separate(NOISE)
    # Float32 masks and as many inverses as stems leave about 130 dB; 90 dB is what users are promised.
    assert snr(NOISE, np.sum(list(stems.values()), axis=0)) >= 110


def test_spleeters_average_extension_is_the_extended_band(model: LoadedModel) -> None:
    average = Separator(replace(model, masking=Masking(extension="average"))).separate(NOISE)
    extended = Separator(model, band="extend").separate(NOISE)
    assert all(np.array_equal(average[stem], extended[stem]) for stem in model.stems)


def test_the_default_is_silent_above_the_networks_bins(separated: dict) -> None:
    for samples in separated["spleeter"].values():
        assert np.linalg.norm(above(samples)) < LEAKAGE * np.linalg.norm(above(NOISE))


def test_bands_change_nothing_below(separated: dict) -> None:
    *names, rest = separated["spleeter"]
    for name in names:
        for band in ("extend", "rest"):
            assert snr(below(separated["spleeter"][name]), below(separated[band][name])) >= -20 * np.log10(LEAKAGE)
    # beside what is above, the rest takes what the Wiener filter's regularization leaves over, here a little
    assert snr(below(separated["spleeter"][rest]), below(separated["rest"][rest])) >= 30


def test_the_rest_goes_to_one_stem(separated: dict) -> None:
    *others, rest = separated["rest"].values()
    for samples in others:
        assert np.linalg.norm(above(samples)) < LEAKAGE * np.linalg.norm(above(NOISE))
    assert snr(above(NOISE), above(rest)) >= -20 * np.log10(LEAKAGE)


def test_every_stem_has_a_share_of_an_extended_band(separated: dict) -> None:
    for samples in separated["extend"].values():
        assert np.linalg.norm(above(samples)) > 0.05 * np.linalg.norm(above(NOISE))


def test_the_wiener_filter_ignores_the_mask_extension_as_spleeters_does(model: LoadedModel) -> None:
    plain = Separator(model, mwf=True).separate(NOISE)
    average = Separator(replace(model, masking=Masking(extension="average")), mwf=True).separate(NOISE)
    assert all(np.array_equal(plain[stem], average[stem]) for stem in model.stems)


@pytest.mark.parametrize(
    ("stems", "index"),
    [(("accompaniment", "vocals"), 0), (("bass", "other", "vocals"), 1), (("vocals", "drums"), 1)],
)
def test_rest_stem(stems: tuple[str, ...], index: int) -> None:
    assert rest_stem(stems) == index

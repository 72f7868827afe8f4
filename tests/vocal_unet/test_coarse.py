"""The coarse network: shapes, what notes and cells are, saving, and what its veto does to a U-Net's mask."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from vocal_unet.config import FRAMINGS, CoarseConfig, Framing, UNetConfig
from vocal_unet.device import with_precision
from vocal_unet.errors import ConfigError
from vocal_unet.models.coarse import CELL, build_coarse, cells_of_bins, note_filters
from vocal_unet.models.unet import MOST_VETO, build_unet, join_members

SMALL = CoarseConfig(filters=(2, 3, 4, 5), blocks=2, dropout=0.0)
SHORT = Framing(frame_length=512, frame_step=128, segment_frames=45, bins=90)
"""45 is no multiple of CELL."""
UNET = UNetConfig(filters=(2, 3), dropout=())


def magnitudes(framing: Framing, segments: int = 1) -> np.ndarray:
    shape = (segments, framing.segment_frames, framing.bins, framing.channels)
    return np.random.default_rng(0).gamma(0.5, 20, shape).astype(np.float32)


def mask_of(network: keras.Model, mixture: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(network(mixture, training=False)["mask"])


def logit(mask: np.ndarray) -> np.ndarray:
    return np.log(mask.astype(np.float64)) - np.log1p(-mask.astype(np.float64))


def certain(logit: float) -> keras.Model:
    """A coarse network that finds the same share everywhere."""
    network = build_coarse(SHORT, SMALL)
    last = network.get_layer("cell_mask")
    last.set_weights([0 * last.get_weights()[0], np.array([logit], np.float32)])
    return network


@pytest.mark.parametrize("framing", [*FRAMINGS.values(), SHORT], ids=[*FRAMINGS, "short"])
def test_a_mask_of_cells_whatever_the_gain(framing: Framing, tmp_path: Path) -> None:
    network = build_coarse(framing, SMALL)
    network.save(tmp_path / "model.keras")
    network = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    mixture = magnitudes(framing)
    mask = mask_of(network, mixture)
    assert mask.shape == mixture.shape and 0 <= mask.min() < mask.max() <= 1
    whole = framing.segment_frames // CELL * CELL
    cells = mask[:, :whole].reshape(1, -1, CELL, *mask.shape[2:])
    np.testing.assert_array_equal(cells, np.broadcast_to(cells[:, :, :1, :, :1], cells.shape))
    bands = cells_of_bins(framing).argmax(axis=1)
    for band in np.unique(bands):
        of_band = mask[:, :, bands == band]
        np.testing.assert_array_equal(of_band, np.broadcast_to(of_band[:, :, :1], of_band.shape))
    # SILENCE = 1e-4 is added to the loudness of the notes
    np.testing.assert_allclose(mask_of(network, 100 * mixture), mask, atol=1e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_what_it_puts_out_stays_in_32_bits(precision: str) -> None:
    network = with_precision(build_coarse(SHORT, SMALL), precision)
    assert network.get_layer("context_1_time_conv").compute_dtype == precision
    assert {output.dtype for output in network.output.values()} == {"float32"}


def test_notes_are_a_24th_of_an_octave_apart_and_cells_a_third() -> None:
    framing = FRAMINGS["spleeter"]
    filters, bands = note_filters(framing), cells_of_bins(framing)
    assert filters.shape == (1024, 168) and bands.shape == (1024, 21)
    np.testing.assert_allclose(filters.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_array_equal(bands.sum(axis=1), 1)
    hertz = np.arange(1024) * 44100 / 4096
    for note, band in ((48, 6), (120, 15)):
        frequency = 80 * 2 ** (note / 24)
        assert hertz[filters[:, note].argmax()] == pytest.approx(frequency, abs=6)  # bins are 10.8 Hz apart
        assert bands[np.abs(hertz - frequency).argmin(), band] == 1


def test_a_veto_lowers_what_is_above_it_and_nothing_else() -> None:
    mixture = magnitudes(SHORT, segments=2)
    plain = build_unet(SHORT, UNET)
    before = mask_of(plain, mixture)
    energy = np.square(mixture, dtype=np.float64)

    def lowered(opinion: float, veto_db: float) -> np.ndarray:
        network = build_unet(SHORT, dataclasses.replace(UNET, veto=SMALL, veto_db=veto_db))
        join_members(network, [plain], certain(opinion))
        return logit(before) - logit(mask_of(network, mixture))

    # Masks are float32, so logits of some 0 differ by 1e-6.
    np.testing.assert_allclose(lowered(20.0, -200.0), 0, atol=1e-5)  # a voice alone
    np.testing.assert_allclose(lowered(-20.0, 0.0), MOST_VETO, rtol=1e-3)
    bands = cells_of_bins(SHORT)
    difference = lowered(0.0, -12.0)
    for cell in (0, 3, 5):  # the last one has five frames
        frames = slice(CELL * cell, CELL * (cell + 1))
        share = before[:, frames].astype(np.float64)
        vocals, rest = (np.einsum("stbc,bk->sk", part**2 * energy[:, frames], bands) for part in (share, 1 - share))
        present = bands.sum(axis=0) > 0
        above = np.clip((np.log(vocals[:, present] / rest[:, present]) + 12 / 10 * np.log(10)) / 2, 0, MOST_VETO)
        expected = np.einsum("sk,bk->sb", above, bands[:, present])
        assert expected.max() > 0.1
        half = 0.5 * np.broadcast_to(expected[:, None, :, None], share.shape)  # that is how much accompaniment it hears
        np.testing.assert_allclose(difference[:, frames], half, atol=1e-4)


def test_a_veto_counts_by_the_accompaniment_heard_over_three_seconds() -> None:
    framing = dataclasses.replace(SHORT, segment_frames=2400)  # 7 s, half of it silent
    mixture = magnitudes(framing)
    mixture[:, 1200:] = 0
    plain = build_unet(framing, UNET)
    network = build_unet(framing, dataclasses.replace(UNET, veto=SMALL, veto_db=-300.0))  # it objects to everything
    objector = build_coarse(framing, SMALL)
    join_members(network, [plain], objector)
    difference = (logit(mask_of(plain, mixture)) - logit(mask_of(network, mixture)))[0, ::CELL, 0, 0]
    opinion = keras.ops.convert_to_numpy(objector(mixture, training=False)["cells"]).astype(np.float64)[0]
    bands = np.square(mixture[0], dtype=np.float64).mean(axis=2).reshape(300, CELL, -1).mean(axis=1) @ cells_of_bins(
        framing
    )
    for cell in (0, 64, 100, 200):
        near = slice(max(cell - 65, 0), cell + 66)  # 1.5 s to either side
        expected = np.sum(bands[near] / (1 + np.exp(opinion[near]))) / bands[near].sum()
        assert difference[cell] == pytest.approx(MOST_VETO * expected, rel=1e-3)
    assert difference[280] == pytest.approx(0, abs=1e-5), "nothing to hear"


def test_joining_takes_the_veto_that_the_network_has() -> None:
    with_veto = build_unet(SHORT, dataclasses.replace(UNET, veto=SMALL, veto_db=6.0))
    for veto in (None, build_coarse(SHORT, dataclasses.replace(SMALL, blocks=1))):
        with pytest.raises(ValueError, match="not the members"):
            join_members(with_veto, [build_unet(SHORT, UNET)], veto)
    with pytest.raises(ValueError, match="not the members"):
        join_members(build_unet(SHORT, UNET), [build_unet(SHORT, UNET)], build_coarse(SHORT, SMALL))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": [1, 2, 3]}, "four numbers"), ({"filters": [1, 2, 3, 0]}, "filters"), ({"blocks": -1}, "blocks"),
        ({"dropout": 1.0}, "dropout"), ({"detail_db": 0.0}, "detail_db"),
    ],
)  # fmt: skip
def test_impossible_settings(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CoarseConfig.from_dict(settings)


def test_a_veto_must_be_a_number() -> None:
    for value in ("much", float("nan"), True):
        with pytest.raises(ConfigError, match="veto_db"):
            UNetConfig.from_dict({"veto_db": value})

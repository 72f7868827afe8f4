"""Validation excerpts: plain, fixed, where the target sounds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.vocal_unet.test_pipeline import PLAIN, song, song_set
from vocal_unet.config import AugmentConfig
from vocal_unet.data.excerpts import excerpt_samples, validation_excerpts
from vocal_unet.errors import DataError

LENGTH = excerpt_samples(PLAIN.framing)


def test_an_excerpt_fills_one_segment() -> None:
    assert PLAIN.framing.frames(LENGTH) == PLAIN.framing.segment_frames
    assert PLAIN.framing.frames(LENGTH + 1) == PLAIN.framing.segment_frames + 1


def test_excerpts_are_plain_and_the_same_every_time() -> None:
    songs, config = song_set(song(0, 20_000), song(1, 30_000)), dataclasses.replace(PLAIN, augment=AugmentConfig.STRONG)
    excerpts = validation_excerpts(songs, config)
    assert excerpts.shape == (7, 2, LENGTH, 2) and excerpts.dtype == np.float32
    np.testing.assert_array_equal(excerpts, validation_excerpts(songs, config))
    vocals = [one.arrays["vocals"] for one in songs.songs]
    for _, target in excerpts:
        starts = [(one, s) for one in vocals for s in range(0, len(one) - LENGTH + 1, LENGTH // 4)]
        # 16 bits keep a stem to 1e-5
        assert sum(np.allclose(one[s : s + LENGTH], target, atol=1e-4) for one, s in starts) == 1


def test_the_mixture_is_the_sum_with_the_target_made_louder() -> None:
    one = song(0, LENGTH)
    mixture, target = validation_excerpts(song_set(one), dataclasses.replace(PLAIN, vocals_gain_db=20.0))[0]
    np.testing.assert_allclose(target, 10 * one.arrays["vocals"], atol=1e-3)
    np.testing.assert_allclose(mixture - target, one.arrays["drums"] + one.arrays["other"], atol=1e-3)


def test_excerpts_lie_where_the_target_sounds() -> None:
    quiet = song(0, 10 * LENGTH)
    quiet.arrays["vocals"][: 6 * LENGTH] = 0
    excerpts = validation_excerpts(song_set(quiet), PLAIN)
    powers = (excerpts[:, 1] ** 2).mean(axis=(1, 2))
    assert powers.min() > 1e-3 * powers.max()
    silent = song(0, LENGTH, vocals=True)
    assert not validation_excerpts(song_set(silent), PLAIN)[:, 1].any()


def test_recordings_alone_are_paired() -> None:
    speech, noise = song(0, LENGTH, stems=("vocals",)), song(1, LENGTH, stems=("noise",))
    mixture, target = validation_excerpts(song_set(speech, noise), PLAIN)[0]
    np.testing.assert_allclose(target, speech.arrays["vocals"], atol=1e-4)
    np.testing.assert_allclose(mixture - target, noise.arrays["noise"], atol=1e-4)
    with pytest.raises(DataError, match="something else"):
        validation_excerpts(song_set(speech), PLAIN)

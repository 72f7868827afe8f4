"""Which sounds meet in an example: silences, drop-outs, stems of several songs, places where something is heard."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.vocal_unet.test_pipeline import PLAIN, Made, song, song_set, with_augment
from vocal_unet.config import AUGMENTATIONS, AugmentConfig, TrainConfig
from vocal_unet.data.chain import make_buses, mix_levels
from vocal_unet.data.examples import Examples
from vocal_unet.data.levels import active_level
from vocal_unet.data.songs import Song
from vocal_unet.data.sources import SongSet, Source

PRODUCTION = dataclasses.replace(PLAIN, augment=AugmentConfig.PRODUCTION, crop_frames=60)
EVERYTHING = dataclasses.replace(
    PRODUCTION,
    augment=dataclasses.replace(AugmentConfig.PRODUCTION, **(dict.fromkeys(AUGMENTATIONS, 1.0) | {"rest_only": 0.0})),
)


def marked(number: int, *, samples: int = 6000, stems: tuple[str, ...] = ("vocals", "drums", "other")) -> Made:
    """A song whose stems are constants: which of them sound can be read from the sum."""
    values = {stem: np.float32(10.0 ** -(number * len(stems) + i)) for i, stem in enumerate(stems)}
    return Made(f"song {number}", {stem: np.full((samples, 2), value, np.float32) for stem, value in values.items()})


def examples(config: TrainConfig, *songs: Song) -> Examples:
    return Examples(song_set(*songs), config)


def make(maker: Examples, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [tuple(maker(index)[0]) for index in range(count)]


@pytest.mark.parametrize("config", [PRODUCTION, EVERYTHING], ids=["production", "everything"])
def test_production_gives_finite_examples_of_the_crops_shape_and_a_pure_function_of_the_index(
    config: TrainConfig,
) -> None:
    loose = Source("voices", 1.0, (song(2, 3000, stems=("vocals",)),))
    songs = SongSet((Source("songs", 1.0, (song(0, 60_000), song(1, 60_000))), loose))
    maker, again = Examples(songs, config), Examples(songs, config)
    for index in (5, 3, 11, 4):
        pair, masks = maker(index)
        assert pair.shape == (2, maker.samples, 2) and pair.dtype == np.float32
        assert np.isfinite(pair).all() and pair[0].any()
        assert np.abs(pair).max() < 3
        np.testing.assert_array_equal(pair, again(index)[0])
        np.testing.assert_array_equal(masks, again(index)[1])


def test_some_examples_have_no_target_and_some_have_nothing_else() -> None:
    pairs = make(examples(with_augment(rest_only=0.3, target_only=0.4), song(0)), 300)
    silent = sum(not target.any() for _, target in pairs)
    alone = sum(np.array_equal(mixture, target) for mixture, target in pairs)
    # binomial, 300 draws at 0.3, and at 0.4 of the other 0.7: standard deviations 7.9 and 7.8; five of them
    assert abs(silent - 90) < 40 and abs(alone - 84) < 39
    assert all(mixture.any() for mixture, _ in pairs)


def test_songs_begin_and_end_in_silence() -> None:
    plain, cut = (make(examples(with_augment(silence=share), song(0)), 100) for share in (0.0, 1.0))
    sides = []
    for (mixture, target), heard in zip(plain, cut, strict=True):
        sounds = np.flatnonzero(heard[0].any(axis=1))
        first, last = sounds[0], sounds[-1] + 1
        sides.append((first > 0, last < len(mixture)))
        for before, after in zip((mixture, target), heard, strict=True):
            np.testing.assert_array_equal(after[first:last], before[first:last])
            assert not after[:first].any() and not after[last:].any()
    assert all(begins != ends for begins, ends in sides)
    assert abs(sum(begins for begins, _ in sides) - 50) < 25  # five standard deviations


def test_stems_are_left_out_but_never_all() -> None:
    pairs = make(examples(with_augment(stem_dropout=0.5), marked(0)), 200)
    rests = [round(float((mixture - target)[100, 0]), 3) for mixture, target in pairs]
    counts = {rest: rests.count(rest) for rest in set(rests)}
    # Drums are 0.1 and other 0.01; both 0.25, and either alone 0.375, since the luckier of two is kept.
    assert set(counts) == {0.11, 0.1, 0.01}
    assert abs(counts[0.11] - 50) < 31 and abs(counts[0.1] - 75) < 35  # five standard deviations


def test_the_accompaniment_comes_from_two_songs_with_one_stem_of_each_name() -> None:
    maker = examples(with_augment(cross_mixing=1.0, stem_mixing=1.0), marked(0), marked(1))
    rests = {round(float((mixture - target)[100, 0]), 6) for mixture, target in make(maker, 200)}
    drums, other = (0.1, 1e-4), (0.01, 1e-5)
    # All four combinations of one drums and one other; 200 draws miss none of them.
    assert rests == {round(one + two, 6) for one in drums for two in other}


def test_a_second_voice_joins_the_first() -> None:
    alone, joined = (
        make(examples(with_augment(second_target=p, second_target_db=(-6.0, -6.0)), song(0), song(1)), 20)
        for p in (0.0, 1.0)
    )
    for (mixture, target), (fuller, duet) in zip(alone, joined, strict=True):
        second = duet - target
        assert 20 * np.log10(active_level(second) / active_level(target)) == pytest.approx(-6, abs=0.3)
        np.testing.assert_allclose(fuller - duet, mixture - target, atol=1e-6)


def test_places_where_little_is_heard_are_drawn_again() -> None:
    whole = song(0, 60_000)
    for stem in whole.arrays.values():
        stem[15_000:] = 0  # three quarters are silent
    heard = {}
    for insisting in (0.0, 1.0):
        pairs = make(examples(with_augment(active_crops=insisting), whole), 200)
        heard[insisting] = sum(bool(target.any()) for _, target in pairs)
    # 0.27 of the places, and 1 - 0.73**4 = 0.72 where three more draws are allowed
    assert heard[0.0] < 85 and heard[1.0] > 115


def test_short_recordings_follow_one_another() -> None:
    short = Source("voices", 1.0, (song(3, 700, stems=("vocals",)), song(4, 700, stems=("vocals",))))
    songs = SongSet((short, Source("noise", 1.0, (song(5, stems=("noise",)),))))
    sounding = {}
    for insisting in (0.0, 1.0):
        config = dataclasses.replace(with_augment(active_crops=insisting), crop_frames=24)
        maker = Examples(songs, config)
        sounding[insisting] = np.mean([target.any(axis=1).mean() for _, target in make(maker, 10)])
    assert sounding[0.0] == pytest.approx(700 / maker.samples, rel=0.01) and sounding[1.0] > 0.95


def test_balance_and_loudness_are_those_asked_for() -> None:
    stems = np.random.default_rng(0).standard_normal((2, 30_000, 2)).astype(np.float32)
    asked = dataclasses.replace(
        AugmentConfig.NONE, balance=1.0, balance_db=(-9.0, -9.0), loudness=1.0, loudness_db=(-20.0, -20.0)
    )
    voice, rest = mix_levels(stems, asked, np.random.default_rng(0))
    assert 20 * np.log10(active_level(voice) / active_level(rest)) == pytest.approx(-9, abs=0.01)
    assert 20 * np.log10(active_level(voice + rest)) == pytest.approx(-20, abs=0.01)
    np.testing.assert_array_equal(mix_levels(0 * stems, asked, np.random.default_rng(0)), 0)


def test_bandwidth_cuts_target_and_rest_alike() -> None:
    stems = np.random.default_rng(0).standard_normal((2, 30_000, 2)).astype(np.float32)
    narrow = mix_levels(stems, dataclasses.replace(AugmentConfig.NONE, bandwidth=1.0), np.random.default_rng(0))
    before, after = (np.abs(np.fft.rfft(some, axis=1)) ** 2 for some in (stems, narrow))
    kept = (after / before).reshape(2, 15_001, 2)[:, :15_000].reshape(2, 150, -1)  # in steps of 147 Hz
    low, high = np.median(kept[:, :20], axis=2), np.median(kept[:, -15:], axis=2)
    assert np.all(np.abs(low - 1) < 0.02) and high.max() < 1e-4, "all below 3 kHz, nothing above 20 kHz"
    cutoffs = [np.flatnonzero(np.median(some, axis=1) > 0.5)[-1] for some in kept]
    assert abs(cutoffs[0] - cutoffs[1]) <= 1


def test_whatever_is_done_the_mixture_is_the_targets_sum_with_the_rest() -> None:
    loud = dataclasses.replace(AugmentConfig.PRODUCTION, noise=0.0, rest_only=1.0, target_only=0.0)
    config = dataclasses.replace(PRODUCTION, augment=loud)
    assert not any(target.any() for _, target in make(examples(config, song(0, 60_000)), 5))
    alone = dataclasses.replace(config, augment=dataclasses.replace(loud, rest_only=0.0, target_only=1.0))
    for mixture, target in make(examples(alone, song(0, 60_000)), 5):
        np.testing.assert_array_equal(mixture, target)


def test_buses_hold_every_stem_once() -> None:
    stems = 10.0 ** np.arange(5)[:, None, None] * np.ones((5, 10, 2))
    counts = set()
    for seed in range(100):
        buses = make_buses(stems, np.random.default_rng(seed))
        counts.add(len(buses))
        np.testing.assert_allclose(buses.sum(axis=0), stems.sum(axis=0))
    assert counts == {1, 2}

"""Intervals, paired comparisons and corrected p-values, against formulas and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from spleeter_bench.statistics import bootstrap_interval, compare, holm


def test_the_bootstrap_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).normal(5, 2, 40)
    for statistic in (np.mean, np.median):
        ours = bootstrap_interval(list(values), statistic)
        theirs = stats.bootstrap(
            (values,), statistic, n_resamples=10_000, method="percentile", random_state=np.random.default_rng(5)
        ).confidence_interval
        # both are drawn at random: with 10,000 resamples an end of the interval moves by about a hundredth of the
        # standard error of 0.3
        assert ours == pytest.approx(tuple(theirs), abs=0.05)


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    hits = sum(low <= 0 <= high for low, high in (bootstrap_interval(list(rng.normal(size=50))) for _ in range(200)))
    # of 200 trials at 95 % (a percentile interval of 50 songs falls a little short) this range holds all but 1 in 1000
    assert 175 <= hits <= 199


def test_the_same_numbers_give_the_same_interval_and_one_gives_none() -> None:
    assert bootstrap_interval([1.0, 2.0, 4.0]) == bootstrap_interval([1.0, 2.0, 4.0])
    assert bootstrap_interval([3.0, 3.0]) == (3.0, 3.0)
    assert bootstrap_interval([1.0]) is None and bootstrap_interval([]) is None


def test_the_signed_rank_test_by_counting_all_signs() -> None:
    differences = np.array([0.5, -0.25, 1.0, 2.0, -0.125, 4.0])
    ranks = stats.rankdata(np.abs(differences))
    observed = abs(np.sum(np.sign(differences) * ranks))
    sums = [abs(np.dot(signs, ranks)) for signs in itertools.product((-1, 1), repeat=len(ranks))]
    paired = compare(list(differences + 3), [3.0] * 6)
    assert paired.p_value == pytest.approx(np.mean(np.array(sums) >= observed - 1e-9), abs=1e-12)
    assert (paired.wins, paired.ties, paired.losses, paired.songs) == (4, 0, 2, 6)
    assert paired.mean == pytest.approx(differences.mean())


def test_equal_systems_tie() -> None:
    paired = compare([1.0, 2.0], [1.0, 2.004])
    assert (paired.wins, paired.ties, paired.losses) == (0, 2, 0)
    assert compare([1.0, 2.0], [1.0, 2.0]).p_value is None


def test_holm_by_hand() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []

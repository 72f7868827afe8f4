"""Many listeners to one opinion per system: means with intervals, paired tests, the binomial test of ABX."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats

from spleeter_bench.listening.results import ANCHOR, REFERENCE, SYSTEM, Answer, Listening, Rating
from spleeter_bench.statistics import Interval, Paired, bootstrap_interval, compare, holm

FEW_LISTENERS = 10
"""With fewer, no signed-rank test over listeners can reach 5 % once corrected for the 15 pairs of six systems (2/2⁹ · 15);
then every single rating is a value."""

REFERENCE_SCORE = 90.0
REFERENCE_MISSES = 0.15
"""ITU-R BS.1534-3: who rates the hidden reference below 90 in more than 15 % of the trials is left out."""

Stimulus = tuple[str, str]
"""(kind, name)."""


@dataclass(frozen=True)
class Opinion:
    """One stimulus, over all listeners."""

    kind: str
    stimulus: str
    mean: float
    interval: Interval | None
    ratings: int
    listeners: int


@dataclass(frozen=True)
class Preference:
    """Two systems rated in the same trials; differences are first minus second, in points."""

    first: str
    second: str
    paired: Paired
    corrected: float | None
    """The p-value after Holm, over all pairs."""


@dataclass(frozen=True)
class Told:
    """Two systems in ABX, over all listeners."""

    first: str
    second: str
    right: int
    trials: int
    listeners: int
    interval: Interval
    """95 %, Clopper and Pearson, of the share of right answers."""
    p_value: float
    """One-sided binomial test against guessing."""
    corrected: float
    """After Holm, over all pairs."""


@dataclass(frozen=True)
class Opinions:
    """All that was pooled."""

    stimuli: tuple[Opinion, ...]
    """Best first."""
    preferences: tuple[Preference, ...]
    told: tuple[Told, ...]
    over_listeners: bool
    """Whether intervals and tests of ratings take a listener's mean as one value, or every rating (few listeners)."""

    def of_systems(self) -> dict[str, Opinion]:
        """System -> its opinion."""
        return {opinion.stimulus: opinion for opinion in self.stimuli if opinion.kind == SYSTEM}


def screen(ratings: Iterable[Rating]) -> tuple[tuple[Rating, ...], tuple[str, ...]]:
    """The ratings of those who recognise the hidden reference, and the names of those who do not (BS.1534-3)."""
    ratings = tuple(ratings)
    missed: dict[str, list[bool]] = defaultdict(list)
    for rating in ratings:
        if rating.kind == REFERENCE:
            missed[rating.listener].append(rating.score < REFERENCE_SCORE)
    out = tuple(sorted(name for name, misses in missed.items() if fmean(misses) > REFERENCE_MISSES))
    return tuple(rating for rating in ratings if rating.listener not in out), out


def pool(listening: Listening) -> Opinions:
    """Means, intervals and tests. With `FEW_LISTENERS` or more, one listener is one value; else one rating is."""
    listeners = {rating.listener for rating in listening.ratings}
    over_listeners = len(listeners) >= FEW_LISTENERS

    def unit(rating: Rating) -> Hashable:
        return rating.listener if over_listeners else rating.trial

    by_stimulus: dict[Stimulus, list[Rating]] = defaultdict(list)
    for rating in listening.ratings:
        by_stimulus[rating.kind, rating.stimulus].append(rating)
    stimuli = []
    for (kind, name), ratings in by_stimulus.items():
        values = list(_means((unit(rating), rating.score) for rating in ratings).values())
        stimuli.append(
            Opinion(
                kind,
                name,
                mean=fmean(values),
                interval=bootstrap_interval(values),
                ratings=len(ratings),
                listeners=len({rating.listener for rating in ratings}),
            )
        )
    return Opinions(
        tuple(sorted(stimuli, key=lambda opinion: (-opinion.mean, opinion.stimulus))),
        _preferences({name: ratings for (kind, name), ratings in by_stimulus.items() if kind == SYSTEM}, unit),
        _told(listening.answers),
        over_listeners,
    )


def _means(pairs: Iterable[tuple[Hashable, float]]) -> dict[Hashable, float]:
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: fmean(values) for key, values in groups.items()}


def _preferences(systems: Mapping[str, Sequence[Rating]], unit: Callable[[Rating], Hashable]) -> tuple[Preference, ...]:
    found = []
    for first, second in itertools.combinations(sorted(systems), 2):
        theirs = {rating.trial: rating.score for rating in systems[second]}
        differences = _means(
            (unit(rating), rating.score - theirs[rating.trial]) for rating in systems[first] if rating.trial in theirs
        )
        if differences:
            found.append((first, second, compare(list(differences.values()), [0.0] * len(differences))))
    corrected = holm([paired.p_value for _, _, paired in found])
    return tuple(Preference(a, b, paired, p) for (a, b, paired), p in zip(found, corrected, strict=True))


def _told(answers: Sequence[Answer]) -> tuple[Told, ...]:
    by_pair: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        first, second = sorted((answer.first, answer.second))
        by_pair[first, second].append(answer)
    tests = [
        stats.binomtest(sum(answer.correct for answer in given), len(given), alternative="greater")
        for given in by_pair.values()
    ]
    corrected = holm([float(test.pvalue) for test in tests])
    found = []
    for ((first, second), given), test, p in zip(by_pair.items(), tests, corrected, strict=True):
        ends = stats.binomtest(test.k, test.n).proportion_ci(0.95)
        found.append(
            Told(
                first,
                second,
                right=test.k,
                trials=test.n,
                listeners=len({answer.listener for answer in given}),
                interval=(float(ends.low), float(ends.high)),
                p_value=float(test.pvalue),
                corrected=float(p or 0.0),
            )
        )
    return tuple(found)


LABELS = {REFERENCE: "hidden reference", ANCHOR: "anchor (reference up to 3.5 kHz)"}
"""What stimuli that are no systems are called in tables."""

"""The tables of listening tests: ratings, pairs of rated systems, and what ABX can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

from spleeter_bench.listening.pool import FEW_LISTENERS, LABELS, REFERENCE_SCORE, Opinions
from spleeter_bench.report import Column, Table
from spleeter_bench.report.cells import MISSING, probability

RATING = "Rating\n(0–100)"
RATED = "Rating is the mean of blind scores from 0 (bad) to 100 (like the reference), after MUSHRA."
EACH_LISTENER = "Intervals (95 %, bootstrap) and tests take the mean of each listener as one value."
EACH_RATING = (
    f"With fewer than {FEW_LISTENERS} listeners, intervals (95 %, bootstrap) and tests take every trial as one value: they "
    "say what these listeners hear, not what others would."
)
ABX = "Right answers of ABX trials, with the 95 % interval; p is that of guessing (one-sided binomial test)."
HOLM = "p (Holm) is corrected for testing all pairs."


def listening_tables(opinions: Opinions, left_out: Sequence[str] = ()) -> list[Table]:
    """As many tables as there is something for; `left_out` are listeners whose ratings do not count."""
    tables = []
    if opinions.stimuli:
        tables.append(_ratings(opinions, left_out))
    if opinions.preferences:
        tables.append(_preferences(opinions))
    if opinions.told:
        tables.append(_told(opinions))
    return tables


def rating_column(opinions: Opinions) -> Column | None:
    """The ratings as a column beside metrics; None where no system was rated."""
    rated = opinions.of_systems()
    if not rated:
        return None
    controls = [
        f"the {LABELS[opinion.kind]} got {points(opinion.mean)}"
        for opinion in opinions.stimuli
        if opinion.kind in LABELS
    ]
    listeners = max(opinion.listeners for opinion in opinions.stimuli)
    people = f"{listeners} listener{'s' * (listeners != 1)}"
    return Column(
        RATING,
        values={system: opinion.mean for system, opinion in rated.items()},
        texts={system: points(opinion.mean) + _interval(opinion.interval) for system, opinion in rated.items()},
        note=f"{RATED.rstrip('.')}; {', '.join([people, *controls])}.",
    )


def points(value: float) -> str:
    """A score or difference of scores, one decimal."""
    return f"{round(value, 1) + 0.0:.1f}"


def _ratings(opinions: Opinions, left_out: Sequence[str]) -> Table:
    rows = [
        (
            LABELS.get(opinion.kind, opinion.stimulus),
            points(opinion.mean) + _interval(opinion.interval),
            str(opinion.ratings),
            str(opinion.listeners),
        )
        for opinion in opinions.stimuli
    ]
    screened = (
        f"Left out, having rated the hidden reference below {REFERENCE_SCORE:g} in more than 15 % of their trials "
        f"(ITU-R BS.1534-3): {', '.join(left_out)}."
    )
    notes = [RATED, EACH_LISTENER if opinions.over_listeners else EACH_RATING, *([screened] if left_out else [])]
    return Table("Blind ratings", ("System", RATING, "Ratings", "Listeners"), tuple(rows), tuple(notes))


def _preferences(opinions: Opinions) -> Table:
    rows = []
    for preference in opinions.preferences:
        paired = preference.paired
        several = paired.songs > 1
        rows.append(
            (
                preference.first,
                preference.second,
                points(paired.mean) + _interval(paired.interval),
                str(paired.songs),
                probability(paired.p_value) if several else MISSING,
                probability(preference.corrected) if several else MISSING,
            )
        )
    unit = "Listeners" if opinions.over_listeners else "Trials"
    columns = ("First", "Second", "Difference\n(points)", unit, "p", "p\n(Holm)")
    note = f"Difference is first minus second. p is that of the two-sided Wilcoxon signed-rank test; {HOLM}"
    return Table("Blind ratings: paired differences", columns, tuple(rows), (note,))


def _told(opinions: Opinions) -> Table:
    rows = [
        (
            told.first,
            told.second,
            f"{told.right}/{told.trials}",
            f"{told.right / told.trials:.0%}\n[{told.interval[0]:.0%}, {told.interval[1]:.0%}]",
            str(told.listeners),
            probability(told.p_value),
            probability(told.corrected),
        )
        for told in opinions.told
    ]
    columns = ("First", "Second", "Right", "Share", "Listeners", "p", "p\n(Holm)")
    return Table("ABX: can they be told apart?", columns, tuple(rows), (f"{ABX} {HOLM}",))


def _interval(ends: tuple[float, float] | None) -> str:
    return f"\n[{points(ends[0])}, {points(ends[1])}]" if ends else ""

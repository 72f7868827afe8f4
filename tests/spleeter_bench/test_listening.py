"""Pooling of blind tests: a preference that is there is found, guessing is not taken for hearing, files are checked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench import cli
from spleeter_bench.errors import BenchError
from spleeter_bench.listening import (
    Answer,
    Listening,
    Rating,
    listening_tables,
    pool,
    read_results,
    screen,
    write_results,
)
from spleeter_bench.listening.pool import FEW_LISTENERS
from tests.conftest import exit_code
from tests.page_run import make_run

OURS, THEIRS, MIXTURE = "vocal-unet:model", "spleeter:2stems", "mixture"


def rated(listeners: int, songs: int, means: Mapping[str, float], seed: int = 0, reference: float = 98) -> list[Rating]:
    """Listeners who each shift all their scores, and scatter by 12 points from trial to trial."""
    rng = np.random.default_rng(seed)
    ratings = []
    for listener in range(listeners):
        shift = rng.normal(0, 8)
        for song in range(songs):
            common = (f"listener {listener}", f"{seed} {listener} {song}", ("d", f"song {song}", 100))
            for system, mean in means.items():
                score = float(np.clip(mean + shift + rng.normal(0, 12), 0, 100))
                ratings.append(Rating(*common, "system", system, score))
            ratings.append(Rating(*common, "reference", "reference", reference))
            ratings.append(Rating(*common, "anchor", "anchor", float(rng.uniform(5, 25))))
    return ratings


def answered(trials: int, hears: float, seed: int = 0) -> list[Answer]:
    """A listener who hears the difference in a share of the trials and guesses in the others."""
    rng = np.random.default_rng(seed)
    return [
        Answer("ann", str(trial), ("d", "s", 100), OURS, THEIRS, bool(rng.random() < hears + (1 - hears) / 2))
        for trial in range(trials)
    ]


@pytest.mark.parametrize("listeners", [1, FEW_LISTENERS - 1, FEW_LISTENERS, 12])
def test_a_known_preference_is_recovered(listeners: int) -> None:
    opinions = pool(Listening(tuple(rated(listeners, 20, {OURS: 70, THEIRS: 50, MIXTURE: 20}))))
    assert [opinion.stimulus for opinion in opinions.stimuli] == ["reference", OURS, THEIRS, MIXTURE, "anchor"]
    for preference in opinions.preferences:
        truth = {OURS: 70, THEIRS: 50, MIXTURE: 20}
        expected = truth[preference.first] - truth[preference.second]
        # 20 songs or more scatter by 12 √2 / √20 = 3.8 points; scores cut at 0 lose some more
        assert preference.paired.mean == pytest.approx(expected, abs=8)
        assert preference.corrected < 0.05
        low, high = preference.paired.interval
        assert low * high > 0, "zero is not in the interval"
    assert opinions.over_listeners is (listeners >= FEW_LISTENERS)


@pytest.mark.parametrize("listeners", [3, 12])
def test_random_listeners_prefer_nothing(listeners: int) -> None:
    significant = 0
    for seed in range(20):
        opinions = pool(Listening(tuple(rated(listeners, 8, {OURS: 50, THEIRS: 50, MIXTURE: 50}, seed))))
        significant += any(preference.corrected < 0.05 for preference in opinions.preferences)
    # at 5 % one in twenty experiments is; more than 4 has a probability of 0.3 %
    assert significant <= 4


def test_hearing_in_half_of_the_trials_is_told_from_guessing() -> None:
    (told,) = pool(Listening(answers=tuple(answered(40, 0.5)))).told
    assert told.p_value < 0.01 and told.interval[0] > 0.5 and (told.trials, told.listeners) == (40, 1)
    guesses = [pool(Listening(answers=tuple(answered(40, 0, seed)))).told[0].p_value for seed in range(20)]
    assert sum(p < 0.05 for p in guesses) <= 4, "as above"


def test_the_binomial_test_is_the_textbooks() -> None:
    nine = [dataclasses.replace(answer, correct=trial != 0) for trial, answer in enumerate(answered(10, 1))]
    (told,) = pool(Listening(answers=tuple(nine))).told
    assert (told.right, told.p_value) == (9, pytest.approx(11 / 1024))
    turned = [dataclasses.replace(answer, first=THEIRS, second=OURS, trial=f"t{answer.trial}") for answer in nine]
    (both,) = pool(Listening(answers=(*nine, *turned))).told
    assert (both.right, both.trials) == (18, 20), "the order of a pair does not matter"


def test_listeners_who_miss_the_reference_are_left_out() -> None:
    good, deaf = rated(2, 4, {OURS: 70}), rated(1, 4, {OURS: 10}, reference=60)
    deaf = [dataclasses.replace(rating, listener="deaf", trial=f"x{rating.trial}") for rating in deaf]
    kept, out = screen([*good, *deaf])
    assert out == ("deaf",) and kept == tuple(good)
    notes = listening_tables(pool(Listening(kept)), out)[0].footnotes
    assert notes[-1].endswith("deaf.")


def test_a_listener_with_more_trials_does_not_count_more() -> None:
    ratings = rated(FEW_LISTENERS, 2, {OURS: 50})
    busy = [dataclasses.replace(rating, listener="busy", score=100.0) for rating in rated(1, 50, {OURS: 0}, seed=9)]
    opinion = pool(Listening((*ratings, *busy))).of_systems()[OURS]
    others = np.mean([rating.score for rating in ratings if rating.kind == "system"])
    assert opinion.mean == pytest.approx((FEW_LISTENERS * others + 100) / (FEW_LISTENERS + 1))


def test_files_come_back_as_written_and_count_once(tmp_path: Path) -> None:
    listening = Listening(tuple(rated(2, 2, {OURS: 70, 'a "quoted", name\n': 10})), tuple(answered(5, 1)))
    write_results(tmp_path / "one.json", listening)
    (tmp_path / "two.json").write_bytes((tmp_path / "one.json").read_bytes())
    assert read_results([tmp_path]) == listening
    assert read_results([tmp_path / "one.json", tmp_path]) == listening


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "not what the page exports"),
        ("a.json", '{"kind": "other", "schema": 1, "rows": []}', "no export"),
        ("a.json", "[]", "not what the page exports"),
        ("a.csv", "song,score\nx,1\n", "its columns are not mode"),
        (
            "a.csv",
            "mode,listener,trial,dataset,song,samples,kind,stimulus,score\nmushra,a,t,d,s,1,system,x,101\n",
            "answer 1",
        ),
        (
            "a.csv",
            "mode,listener,trial,dataset,song,samples,first,second,correct\nabx,a,t,d,s,1,x,y,maybe\n",
            "answer 1",
        ),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BenchError, match=message) as caught:
        read_results([tmp_path / name])
    assert str(tmp_path / name) in str(caught.value)


def test_the_command_puts_ratings_beside_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", (MIXTURE, OURS), ("one", "two"))
    write_results(tmp_path / "ann.json", Listening(tuple(rated(1, 4, {OURS: 70})), tuple(answered(5, 1))))
    assert exit_code(cli.app, "listen", tmp_path / "ann.json", "--run", run.folder) == 0
    printed = capsys.readouterr().out
    assert "Blind ratings" in printed and "ABX" in printed and "5/5" in printed
    assert len(json.loads((run.folder / "listening.json").read_text(encoding="utf-8"))["rows"]) == 17
    assert exit_code(cli.app, "table", run.folder, "--format", "markdown") == 0
    header, _, _, ours = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    place = [cell.strip() for cell in header.split("|")].index("Rating (0–100)")
    assert 50 < float(ours.split("|")[place].split()[0]) < 90


def test_nobody_left_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results(tmp_path / "deaf.json", Listening(tuple(rated(1, 4, {OURS: 70}, reference=10))))
    for extra, code in ((), 10), (("--keep-all",), 0):
        assert exit_code(cli.app, "listen", tmp_path / "deaf.json", *extra) == code
    assert "--keep-all" in capsys.readouterr().err

"""The runner with made-up systems: failures stay with their song, runs resume, nothing is scored that did not run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spleeter_bench.errors import BenchError, SystemFailedError, SystemUnavailableError, TrackError
from spleeter_bench.machine import git_commit, machine_facts
from spleeter_bench.metrics import si_sdr
from spleeter_bench.metrics.song import NO_REFERENCE
from spleeter_bench.plan import read_plan
from spleeter_bench.records import FILE_NAME, Record, append_record, read_records
from spleeter_bench.runner import run
from spleeter_bench.systems.base import Separation, System, SystemInfo
from spleeter_bench.tracks import Track, TrackAudio

RATE = 8000


def make_track(name: str, seed: int = 0, *, samples: int = 4000, silent: bool = False) -> Track:
    rng = np.random.default_rng(seed)
    vocals, drums = (0.1 * rng.standard_normal((2, samples, 2))).astype(np.float32)
    if silent:
        vocals = np.zeros_like(vocals)
    audio = TrackAudio(vocals + drums, {"vocals": vocals, "accompaniment": drums})
    return Track("made up", name, RATE, samples, lambda: audio)


def broken_track(name: str) -> Track:
    def load() -> TrackAudio:
        raise TrackError(f"{name}.wav: damaged")

    return Track("made up", name, RATE, 4000, load)


class FakeSystem(System):
    """Answers with what `answer(mixture, references, name)` gives, and notes what was done with it."""

    def __init__(
        self, spec: str, answer: Callable[..., Mapping[str, np.ndarray]], start_error: Exception | None = None
    ):
        self.spec = spec
        self.answer = answer
        self.start_error = start_error
        self.log: list[str] = []

    def start(self) -> SystemInfo:
        self.log.append("start")
        if self.start_error:
            raise self.start_error
        return SystemInfo(self.spec, load_seconds=1.5, weights=f"weights of {self.spec}", versions={"keras": "3"})

    def separate(
        self, mixture: np.ndarray, sample_rate: int, references: Mapping[str, np.ndarray] | None = None, name: str = ""
    ) -> Separation:
        self.log.append(name)
        assert sample_rate == RATE
        return Separation(self.answer(mixture, references, name), seconds=0.25, peak_memory=123)

    def close(self) -> None:
        self.log.append("close")


def halves(mixture: np.ndarray, references: Any, name: str) -> dict[str, np.ndarray]:
    return {"vocals": mixture * 0.5, "accompaniment": mixture * 0.5}


def fails_on(bad: str, error: BaseException) -> Callable[..., Mapping[str, np.ndarray]]:
    def answer(mixture: np.ndarray, references: Any, name: str) -> Mapping[str, np.ndarray]:
        if name == bad:
            raise error
        return halves(mixture, references, name)

    return answer


def maker(*systems: FakeSystem) -> Callable[..., System]:
    by_spec = {system.spec: system for system in systems}
    return lambda spec, **options: by_spec[spec]


TRACKS = [make_track("one", 1), make_track("two", 2), make_track("three", 3)]


def statuses(records: tuple[Record, ...]) -> list[tuple[str, str, str]]:
    return [(record.system, record.track, record.status) for record in records]


def test_records_hold_scores_cost_and_provenance(tmp_path: Path) -> None:
    system = FakeSystem("half", halves)
    result = run(TRACKS, ["half"], tmp_path / "new" / "run", make_system=maker(system), versions={"vocal-unet": "9"})
    assert statuses(result.records) == [("half", name, "ok") for name in ("one", "two", "three")]
    assert read_records(tmp_path / "new" / "run" / FILE_NAME).records == result.records
    assert system.log == ["start", "one", "two", "three", "close"]
    record, audio = result.records[0], TRACKS[0].load()
    expected = si_sdr(reference=audio.references["vocals"], estimate=audio.mixture)
    assert record.scores["vocals"]["si_sdr"] == pytest.approx(expected, abs=1e-6)
    assert record.scores["vocals"]["si_sdr_improvement"] == pytest.approx(0, abs=1e-6)
    assert set(record.scores) == {"vocals", "accompaniment"} and record.flags == {}
    assert (record.audio_seconds, record.seconds, record.real_time_factor) == (0.5, 0.25, 0.5)
    assert (record.load_seconds, record.peak_memory, record.weights) == (1.5, 123, "weights of half")
    assert record.versions == {"vocal-unet": "9", "keras": "3"}
    assert record.machine == {**machine_facts(), "jobs": 1} and record.commit == git_commit()


def test_only_oracles_see_the_references(tmp_path: Path) -> None:
    seen = {}

    def answer(mixture: np.ndarray, references: Any, name: str) -> dict[str, np.ndarray]:
        seen[name, references is not None] = True
        return halves(mixture, references, name)

    plain, oracle = FakeSystem("plain", answer), FakeSystem("oracle", answer)
    oracle.needs_references = True
    run(TRACKS[:1], ["plain"], tmp_path, make_system=maker(plain))
    assert seen == {("one", False): True}
    run(TRACKS[:1], ["oracle"], tmp_path, make_system=maker(oracle))
    assert ("one", True) in seen


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemFailedError("it hung"), "it hung"),
        (RuntimeError("graph broke"), "bad: RuntimeError: graph broke"),
        (MemoryError("no more"), "bad: MemoryError: no more"),
    ],
)
def test_a_failing_song_is_recorded_and_the_system_started_again(tmp_path: Path, error: Exception, reason: str) -> None:
    bad, good = FakeSystem("bad", fails_on("two", error)), FakeSystem("good", halves)
    result = run(TRACKS, ["bad", "good"], tmp_path, make_system=maker(bad, good))
    assert [status for _, _, status in statuses(result.records)] == ["ok", "failed", "ok", "ok", "ok", "ok"]
    assert (result.records[1].reason, result.records[1].scores) == (reason, {})
    assert bad.log == ["start", "one", "two", "close", "start", "three", "close"]


def test_a_broken_song_fails_for_every_system_and_ends_nothing(tmp_path: Path) -> None:
    tracks = [broken_track("one"), TRACKS[1]]
    systems = FakeSystem("a", halves), FakeSystem("b", halves)
    result = run(tracks, ["a", "b"], tmp_path, make_system=maker(*systems))
    assert [status for _, _, status in statuses(result.records)] == ["failed", "ok", "failed", "ok"]
    assert result.records[0].reason == "one.wav: damaged"
    assert systems[0].log == ["start", "two", "close"], "a broken song is no reason to start a system again"


@pytest.mark.parametrize(
    ("stems", "reason"),
    [
        (lambda mixture: {"vocals": mixture[:-7]}, "4000 samples, the estimate 3993"),
        (lambda mixture: {"vocals": mixture * np.nan}, "NaN"),
        (lambda mixture: {"vocals": mixture.T}, "time must be the first"),
        (lambda mixture: {"drums": mixture}, "answered without vocals, only drums"),
        (lambda mixture: {}, "answered without vocals, only nothing"),
    ],
)
def test_answers_that_are_no_result(tmp_path: Path, stems: Callable[..., Any], reason: str) -> None:
    system = FakeSystem("odd", lambda mixture, references, name: stems(mixture))
    (record,) = run(TRACKS[:1], ["odd"], tmp_path, make_system=maker(system)).records
    assert record.status == "failed" and reason in record.reason and record.scores == {}


def test_an_unavailable_system_is_recorded_and_never_asked(tmp_path: Path) -> None:
    absent = FakeSystem("absent", halves, SystemUnavailableError("no weights; fetch them"))
    result = run(TRACKS, ["absent", "half"], tmp_path, make_system=maker(absent, FakeSystem("half", halves)))
    assert [status for _, _, status in statuses(result.records)] == ["unavailable"] * 3 + ["ok"] * 3
    assert {record.reason for record in result.records[:3]} == {"no weights; fetch them"}
    assert all(record.scores == {} and record.seconds is None for record in result.records[:3])
    assert absent.log == ["start", "close"]


@pytest.mark.parametrize("error", [SystemFailedError("did not come up"), ImportError("did not come up")])
def test_a_system_that_does_not_start_fails_on_all_songs(tmp_path: Path, error: Exception) -> None:
    system = FakeSystem("bad", halves, error)
    result = run(TRACKS, ["bad"], tmp_path, make_system=maker(system))
    assert [status for _, _, status in statuses(result.records)] == ["failed"] * 3
    assert "did not come up" in result.records[0].reason
    assert system.log == ["start", "close"], "starting is not tried once per song"


def test_only_what_is_missing_runs_again(tmp_path: Path) -> None:
    first = FakeSystem("s", fails_on("two", SystemFailedError("once")))
    before = run(TRACKS, ["s"], tmp_path, make_system=maker(first))
    second = FakeSystem("s", halves)
    after = run(TRACKS, ["s"], tmp_path, make_system=maker(second))
    assert second.log == ["start", "two", "close"]
    assert (before.resumed, after.resumed) == (0, 2)
    assert [status for _, _, status in statuses(after.records)] == ["ok"] * 3
    assert after.records[0] == before.records[0]
    third = FakeSystem("s", halves)
    assert run(TRACKS, ["s"], tmp_path, make_system=maker(third)).resumed == 3
    assert "start" not in third.log


def test_another_length_is_another_song(tmp_path: Path) -> None:
    run([make_track("one")], ["s"], tmp_path, make_system=maker(FakeSystem("s", halves)))
    longer = make_track("one", samples=5000)
    assert run([longer], ["s"], tmp_path, make_system=maker(FakeSystem("s", halves))).resumed == 0
    assert len(read_records(tmp_path / FILE_NAME).records) == 2


def test_force_forgets(tmp_path: Path) -> None:
    run(TRACKS, ["s"], tmp_path, make_system=maker(FakeSystem("s", halves)))
    again = FakeSystem("s", halves)
    result = run(TRACKS[:1], ["s"], tmp_path, make_system=maker(again), force=True)
    assert result.resumed == 0
    assert read_records(tmp_path / FILE_NAME).records == result.records


def test_interrupting_keeps_what_is_done(tmp_path: Path) -> None:
    system = FakeSystem("s", fails_on("two", KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        run(TRACKS, ["s"], tmp_path, make_system=maker(system))
    assert system.log == ["start", "one", "two", "close"]
    assert [record.track for record in read_records(tmp_path / FILE_NAME).records] == ["one"]
    again = FakeSystem("s", halves)
    run(TRACKS, ["s"], tmp_path, make_system=maker(again))
    assert again.log == ["start", "two", "three", "close"]


def test_a_torn_line_is_said_and_run_again(tmp_path: Path) -> None:
    result = run(TRACKS[:2], ["s"], tmp_path, make_system=maker(FakeSystem("s", halves)))
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-10])
    again = FakeSystem("s", halves)
    resumed = run(TRACKS[:2], ["s"], tmp_path, make_system=maker(again))
    assert again.log == ["start", "two", "close"]
    assert "line 2 was cut short" in resumed.notice
    assert read_records(path).records == resumed.records
    assert [r.scores for r in resumed.records] == [r.scores for r in result.records]


def test_a_spec_that_names_no_system_ends_before_any_work(tmp_path: Path) -> None:
    system = FakeSystem("good", halves)

    def make_system(spec: str, **options: Any) -> System:
        if spec == "bad":
            raise BenchError("bad names no system")
        return system

    with pytest.raises(BenchError, match="bad names no system"):
        run(TRACKS, ["good", "bad"], tmp_path / "run", make_system=make_system)
    assert system.log == [] and not (tmp_path / "run").exists()


def test_the_timeout_reaches_the_system(tmp_path: Path) -> None:
    seen = []

    def make_system(spec: str, **options: Any) -> System:
        seen.append(options)
        return FakeSystem(spec, halves)

    run(TRACKS[:1], ["a"], tmp_path, make_system=make_system, timeout=12.5)
    run(TRACKS[:1], ["b"], tmp_path, make_system=make_system)
    assert seen == [{"timeout": 12.5}] * 2 + [{}] * 2, "made once to check the spec, once to be used"


def test_more_stems_make_an_accompaniment(tmp_path: Path) -> None:
    def answer(mixture: np.ndarray, references: Any, name: str) -> dict[str, np.ndarray]:
        return {"drums": mixture * 0.25, "vocals": mixture * 0.5, "bass": mixture * 0.25}

    (four,) = run(TRACKS[:1], ["four"], tmp_path, make_system=maker(FakeSystem("four", answer))).records
    (two,) = run(TRACKS[:1], ["two"], tmp_path, make_system=maker(FakeSystem("two", halves))).records
    assert four.scores == two.scores


def test_vocals_alone_are_enough(tmp_path: Path) -> None:
    system = FakeSystem("s", lambda mixture, references, name: {"vocals": mixture})
    (record,) = run(TRACKS[:1], ["s"], tmp_path, make_system=maker(system)).records
    assert (record.status, list(record.scores)) == ("ok", ["vocals"])


def test_a_song_without_singing_is_flagged_not_failed(tmp_path: Path) -> None:
    (record,) = run(
        [make_track("instrumental", silent=True)], ["s"], tmp_path, make_system=maker(FakeSystem("s", halves))
    ).records
    assert (record.status, list(record.scores)) == ("ok", ["accompaniment"])
    assert NO_REFERENCE in record.flags["vocals"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BenchError, match="file: cannot be used for a run"):
        run(TRACKS, ["s"], tmp_path / "file", make_system=maker(FakeSystem("s", halves)))


def test_foreign_lines_are_refused_before_any_work(tmp_path: Path) -> None:
    system = FakeSystem("s", halves)
    result = run(TRACKS[:1], ["s"], tmp_path, make_system=maker(system))
    (tmp_path / FILE_NAME).write_text("no record\n")
    append_record(tmp_path / FILE_NAME, result.records[0])
    with pytest.raises(BenchError, match="line 1"):
        run(TRACKS, ["s"], tmp_path, make_system=maker(system))
    assert system.log == ["start", "one", "close"]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_is_that_of_our_own_checkout_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    ours, installed = tmp_path / "spleeter_bench", tmp_path / "site-packages" / "spleeter_bench"
    for folder in (ours, installed):
        folder.mkdir(parents=True)
    git("init")
    assert git_commit(ours) is None, "no commit yet"
    (ours / "code.py").write_text("one")
    git("add", ".")
    git("commit", "-m", "first", "--no-gpg-sign")
    assert git_commit(ours) == git("rev-parse", "HEAD")
    assert git_commit(installed) is None, "the repository around an installed package says nothing of it"
    (ours / "code.py").write_text("two")
    assert git_commit(ours) == git("rev-parse", "HEAD") + "+changes"
    monkeypatch.setenv("PATH", "")
    assert git_commit(ours) is None


def test_a_run_remembers_where_its_songs_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run([], [], tmp_path / "run", data=["example", "stems:songs"])
    run([], [], tmp_path / "run", data=[f"stems:{tmp_path / 'songs'}"])
    assert read_plan(tmp_path / "run").data == (f"stems:{tmp_path / 'songs'}", "example")

"""Jobs in several processes: the same records, a dead process costs one job, and nothing is left behind."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
import soundfile

from spleeter_bench.errors import BenchError
from spleeter_bench.evaluate import Job, Settings
from spleeter_bench.executors import do_in_processes
from spleeter_bench.records import FILE_NAME, read_records
from spleeter_bench.runner import rescore, run
from spleeter_bench.tracks import Track, find_tracks
from vocal_unet.data.synthetic import generate_song

HALF = """
import os, sys, soundfile
song, rate = soundfile.read(sys.argv[1], dtype="float32")
name = sys.argv[3]
{extra}
for stem in ("vocals", "accompaniment"):
    soundfile.write(sys.argv[2] + f"/{{stem}}.wav", song / 2, rate, subtype="FLOAT")
"""


@pytest.fixture
def tracks(tmp_path: Path) -> list[Track]:
    for number in range(4):
        for stem, waveform in generate_song(number, 1.5, sample_rate=8000).items():
            path = tmp_path / "data" / f"song {number}" / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, waveform, 8000, subtype="FLOAT")
    return find_tracks([f"stems:{tmp_path / 'data'}"])


def command(tmp_path: Path, extra: str = "") -> str:
    path = tmp_path / "half.py"
    path.write_text(HALF.format(extra=extra))
    return f"cmd:{shlex.quote(sys.executable)} {shlex.quote(str(path))} {{input}} {{output}} {{name}}"


def test_two_processes_give_the_records_of_one(tmp_path: Path, tracks: list[Track]) -> None:
    systems = ["mixture", "mid", command(tmp_path)]
    one = run(tracks, systems, tmp_path / "one", keep_estimates=True)
    two = run(tracks, systems, tmp_path / "two", jobs=2, keep_estimates=True)
    assert [record.status for record in two.records] == ["ok"] * 12
    for first, second in zip(one.records, two.records, strict=True):
        assert (first.key, first.scores, first.flags) == (second.key, second.scores, second.flags)
    assert {record.machine["jobs"] for record in two.records} == {2}
    for kind in ("museval", "estimates"):
        files = [
            sorted(path.relative_to(folder) for path in folder.rglob("*.*"))
            for folder in (tmp_path / "one" / kind, tmp_path / "two" / kind)
        ]
        assert files[0] == files[1] and files[0]


def test_a_failing_song_and_an_absent_system_in_processes(tmp_path: Path, tracks: list[Track]) -> None:
    systems = [
        command(tmp_path, "if name == 'song 2': sys.exit('not this one')"),
        "cmd:no-such-program {input} {output}",
    ]
    result = run(tracks, systems, tmp_path / "run", jobs=2)
    assert [record.status for record in result.records] == ["ok", "ok", "failed", "ok"] + ["unavailable"] * 4
    assert result.records[2].reason.endswith("its last words: not this one")


def test_a_process_that_dies_costs_one_song(tmp_path: Path, tracks: list[Track]) -> None:
    # the command's grandparent is the process that does the job: python -> measured_command -> job process
    killer = (
        "if name == 'song 1':\n"
        "    parent = int(open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1])\n"
        "    os.kill(parent, 9)"
    )
    settings = Settings(tmp_path)
    jobs = [Job(command(tmp_path, killer), track) for track in tracks]
    started: list[str] = []
    outcomes = list(do_in_processes(jobs, settings, 2, lambda job: started.append(job.track.name)))
    statuses = {outcome.record.track: outcome.record.status for outcome in outcomes}
    assert statuses == {"song 0": "ok", "song 1": "failed", "song 2": "ok", "song 3": "ok"}
    assert sorted(started) == ["song 0", "song 1", "song 1", "song 2", "song 3"], "tried twice, then given up"
    (failure,) = (outcome.record for outcome in outcomes if outcome.record.status == "failed")
    assert failure.reason == "the process that worked on it died 2 times"


def test_closing_early_ends_the_processes(tmp_path: Path, tracks: list[Track]) -> None:
    import multiprocessing

    outcomes = do_in_processes([Job("mixture", track) for track in tracks], Settings(tmp_path), 2, lambda job: None)
    next(outcomes)
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_a_run_that_cannot_keep_estimates_ends_with_the_reason(tmp_path: Path, tracks: list[Track]) -> None:
    for jobs in (1, 2):
        folder = tmp_path / f"run {jobs}"
        folder.mkdir()
        (folder / "estimates").write_text("in the way")
        with pytest.raises(BenchError, match=r"estimates.*cannot be written"):
            run(tracks, ["mixture"], folder, keep_estimates=True, jobs=jobs)
        assert not (folder / FILE_NAME).exists(), "a full disk is no failure of a system"


def test_scoring_again_gives_the_same_scores_and_keeps_the_cost(tmp_path: Path, tracks: list[Track]) -> None:
    folder = tmp_path / "run"
    before = run(tracks, ["mid", "oracle:irm"], folder, keep_estimates=True, bsseval="none")
    assert "sdr" not in before.records[0].scores["vocals"]
    after = rescore(tracks, folder)
    for old, new in zip(before.records, after.records, strict=True):
        assert {**new.scores["vocals"], **old.scores["vocals"]} == new.scores["vocals"], "exact: estimates are float32"
        assert "sdr" in new.scores["vocals"]
        assert (new.key, new.seconds, new.peak_memory, new.versions) == (
            old.key,
            old.seconds,
            old.peak_memory,
            old.versions,
        )
    assert len(read_records(folder / FILE_NAME).records) == 16
    assert len(list((folder / "museval").rglob("*.json"))) == 8


def test_scoring_again_needs_the_estimates_and_the_songs(tmp_path: Path, tracks: list[Track]) -> None:
    run(tracks, ["mixture"], tmp_path / "run", bsseval="none")
    with pytest.raises(BenchError, match="no stems to score; a run keeps them with --keep-estimates"):
        rescore(tracks, tmp_path / "run")
    with pytest.raises(BenchError, match="no separated song of it is among the data given"):
        rescore([], tmp_path / "run")


def test_kept_estimates_can_be_compared_as_a_folder(tmp_path: Path, tracks: list[Track]) -> None:
    kept = run(tracks, ["mid"], tmp_path / "run", keep_estimates=True)
    read = run(tracks, [f"dir:{tmp_path / 'run' / 'estimates' / 'mid'}"], tmp_path / "again")
    assert [record.scores for record in read.records] == [record.scores for record in kept.records]
    assert {record.seconds for record in read.records} == {None}

"""From records to summaries and tables: right averages, honest counts, footnotes, three formats."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from spleeter_bench.aggregate import aggregate
from spleeter_bench.errors import BenchError
from spleeter_bench.plan import Plan
from spleeter_bench.records import Record
from spleeter_bench.report import (
    make_full_table,
    make_pairs_table,
    make_table,
    print_text,
    render_csv,
    render_latex,
    render_markdown,
    render_pairs_csv,
    save_tables,
)
from spleeter_bench.report.text import ONE_LINE_WIDTH


def make(system: str, track: str, si_sdr: float | None = None, **changes: Any) -> Record:
    scored = {
        "scores": {
            "vocals": {"si_sdr": si_sdr, "si_snr": si_sdr + 0.01, "si_sdr_improvement": si_sdr + 7},
            "accompaniment": {"si_sdr": 1.0, "si_snr": 1.0, "si_sdr_improvement": 1.0},
        }
        if si_sdr is not None
        else {},
        "real_time_factor": 0.05 if si_sdr is not None else None,
        "peak_memory": 1_500_000_000 if si_sdr is not None else None,
        "weights": f"weights of {system}" if si_sdr is not None else "",
    }
    values = {"dataset": "MUSDB18", "samples": 10, "sample_rate": 44100, "status": "ok", "timestamp": "t"}
    return Record(system=system, track=track, **{**values, **scored, **changes})


RECORDS = [
    make("ours", "a", 1.0),
    make("ours", "b", 2.0, peak_memory=2_000_000_000, real_time_factor=0.1),
    make("ours", "c", 9.0, real_time_factor=0.2, flags={"vocals": ("odd",), "accompaniment": ("other stem",)}),
    make('cmd:"x | y"', "a", 3.0, peak_memory=5_000_000),
    make('cmd:"x | y"', "b", status="failed", reason="crashed."),
    make('cmd:"x | y"', "c", status="failed", reason="crashed."),
    *(make("spleeter:2stems", track, status="unavailable", reason="no [weights]\nhere") for track in "abc"),
]


def test_aggregate() -> None:
    ours, command, absent = aggregate(RECORDS).systems
    assert (ours.system, ours.scored) == ("ours", 3)
    assert ours.mean["si_sdr"] == pytest.approx(4.0) and ours.median["si_sdr"] == 2.0
    assert (ours.real_time_factor, ours.peak_memory) == (0.1, 2_000_000_000)
    assert ours.flags == {"odd": ("c",)}
    assert (command.scored, command.mean["si_sdr"]) == (1, 3.0)
    assert command.failed == {"crashed.": ("b", "c")}
    assert (absent.scored, absent.mean, absent.real_time_factor, absent.peak_memory) == (0, {}, None, None)
    assert absent.unavailable == {"no [weights]\nhere": 3}


def test_the_newest_record_counts() -> None:
    (ours,) = aggregate([make("ours", "a", status="failed", reason="once"), make("ours", "a", 4.0)]).systems
    assert (ours.scored, ours.mean["si_sdr"], ours.failed) == (1, 4.0, {})


def test_systems_can_be_chosen_and_ordered() -> None:
    summaries = aggregate(RECORDS, systems=["spleeter:2stems", "ours", "ours"])
    assert [summary.system for summary in summaries.systems] == ["spleeter:2stems", "ours"]
    assert len(summaries.tracks) == 3
    with pytest.raises(BenchError, match="no records of nobody; it holds ours, cmd"):
        aggregate(RECORDS, systems=["nobody"])
    with pytest.raises(BenchError, match="no records yet"):
        aggregate([])


def test_the_other_target() -> None:
    summaries = aggregate(RECORDS, target="accompaniment")
    assert summaries.systems[0].mean["si_sdr"] == 1.0
    assert summaries.systems[0].flags == {"other stem": ("c",)}
    assert make_table(summaries).title.startswith("Accompaniment of 3 tracks")


def test_table() -> None:
    table = make_table(aggregate(RECORDS))
    assert table.title == "Vocals of 3 tracks (MUSDB18), mean over tracks"
    assert table.columns == ("System", "SI-SNR\n(dB)", "SI-SDR\n(dB)", "RTF\n(× real time)", "Peak\nmemory", "n")
    # with three songs, 2.5 % of 27 equally likely resamples lie below the one that holds the smallest three times
    assert table.rows == (
        ("ours", "4.01\n[1.01, 9.01]", "4.00\n[1.00, 9.00]", "0.1\n(10×)", "2.00 GB", "3/3"),
        ('cmd:"x | y"', "3.01", "3.00", "0.05\n(20×)", "5 MB", "1/3"),
        ("spleeter:2stems", "–", "–", "–", "–", "0/3"),
    )
    assert table.footnotes[3:] == (
        "ours: weights: weights of ours.",
        "ours: odd (c).",
        'cmd:"x | y": weights: weights of cmd:"x | y".',
        'cmd:"x | y": failed on b, c: crashed.',
        'cmd:"x | y": averaged over 1 of 3 tracks, so it does not compare with systems averaged over others.',
        "spleeter:2stems: unavailable, not run: no [weights] here.",
    )
    assert "Le Roux et al. (2019)" in table.footnotes[0] and "median over tracks" in table.footnotes[2]


def test_without_cost_nothing_depends_on_the_machine() -> None:
    slower = [
        dataclasses.replace(record, real_time_factor=9.0, peak_memory=1, machine={"jobs": 4}) for record in RECORDS
    ]
    for cost in (True, False):
        tables = {render_markdown(make_table(aggregate(records), cost=cost)) for records in (RECORDS, slower)}
        assert len(tables) == (2 if cost else 1)
        assert len({render_csv(aggregate(records), cost=cost) for records in (RECORDS, slower)}) == (2 if cost else 1)


def test_the_order_records_were_written_in_does_not_show() -> None:
    plan = Plan(("ours", 'cmd:"x | y"', "spleeter:2stems"))
    forth, back = (aggregate(records, plan=plan) for records in (RECORDS, RECORDS[::-1]))
    assert render_csv(forth) == render_csv(back)
    assert render_markdown(make_full_table(forth)) == render_markdown(make_full_table(back))


def test_songs_without_a_record_are_counted() -> None:
    plan = Plan(("ours",), tuple(("MUSDB18", song, 10) for song in "abcd"))
    (summary,) = aggregate(RECORDS[:3], plan=plan).systems
    table = make_table(aggregate(RECORDS[:3], plan=plan))
    assert summary.missing == 1 and table.rows[0][-1] == "3/4"
    assert "ours: not run yet on 1 of 4 tracks; run the same command again." in table.footnotes


def test_what_a_published_model_was_trained_on_is_marked() -> None:
    table = make_table(aggregate([make("spleeter:2stems", "a", 1.0, trained_on="other data")]))
    assert table.rows[0][0] == "spleeter:2stems †"
    assert "spleeter:2stems: † trained on other data." in table.footnotes


def test_bsseval_is_the_median_over_tracks() -> None:
    records = [
        make("ours", song, scores={"vocals": {"sdr": value}}) for song, value in zip("abc", (1, 2, 9), strict=True)
    ]
    table = make_table(aggregate(records), ["sdr"])
    assert table.columns[1] == "SDR\n(dB, median)" and table.rows[0][1].startswith("2.00\n[1.00, 9.00]")
    with pytest.raises(BenchError, match="no metric 'sad'; it holds sdr"):
        make_table(aggregate(records), ["sad"])


def test_left_out_frames_of_all_songs_are_one_note() -> None:
    flags = {
        song: f"BSSEval leaves out {count} of 10 frames, why" for song, count in zip("abc", (1, 1, 3), strict=True)
    }
    records = [make("ours", song, 1.0, flags={"vocals": (flag,)}) for song, flag in flags.items()]
    (ours,) = aggregate(records).systems
    assert ours.flags == {"BSSEval leaves out 5 of 30 frames, why": ("a", "b", "c")}


def test_full_and_pairs() -> None:
    records = [
        make(system, song, value)
        for system, values in (("a", (1, 2, 3)), ("b", (0.5, 2.0, 1.0)))
        for song, value in zip("xyz", values, strict=True)
    ]
    summaries = aggregate(records)
    full = make_full_table(summaries)
    assert [row[:2] for row in full.rows] == [(s, m) for s in "ab" for m in ("SI-SNR", "SI-SDR", "SI-SDRi")]
    assert full.rows[1][2:] == ("2.00\n[1.00, 3.00]", "2.00\n[1.00, 3.00]", "3/3")
    pairs = make_pairs_table(summaries, ["si_sdr"])
    assert pairs is not None
    # two differences, both positive: 2 of the 4 sign patterns are as extreme, so p = 0.5
    assert pairs.rows == (("a", "b", "SI-SDR", "0.83\n[0.00, 2.00]", "2/1/0", "0.5", "0.5"),)
    assert make_pairs_table(aggregate(records[:3]), ["si_sdr"]) is None
    lines = {line["metric"]: line for line in csv.DictReader(io.StringIO(render_pairs_csv(summaries)))}
    assert list(lines) == ["si_snr", "si_sdr", "si_sdr_improvement"]
    line = lines["si_sdr"]
    assert float(line["mean_difference_db"]) == pytest.approx(2.5 / 3, abs=1e-12)


def test_latex_escapes() -> None:
    text = render_latex(make_table(aggregate([*RECORDS, make("a_b & 50%", "a", 1.0, trained_on="x")])))
    assert r"a\_b \& 50\% $^\dagger$ & 1.01 & 1.00 &" in text
    assert text.count(r"\\") == 5 and "×" not in text and text.startswith(r"\begin{table}")


def test_a_reason_does_not_name_the_system_twice() -> None:
    table = make_table(aggregate([make("ours", "a", status="unavailable", reason="ours: ours: no weights")]))
    assert table.footnotes[-1] == "ours: unavailable, not run: no weights."


def test_one_track_names_it_and_long_lists_are_cut() -> None:
    one = make_table(aggregate([make("ours", "A Song", 1.0, dataset="example")]))
    assert one.title == "Vocals of 1 track (example: A Song)"
    many = [make("ours", str(number), status="failed", reason="why") for number in range(9)]
    assert "ours: failed on 0, 1, 2 and 6 more: why." in make_table(aggregate(many)).footnotes


@pytest.mark.parametrize(
    ("factor", "cell"), [(2.5, "2.5\n(0.4×)"), (0.0123, "0.0123\n(81.3×)"), (1e-6, "< 0.001"), (0.0, "< 0.001")]
)
def test_speed(factor: float, cell: str) -> None:
    assert make_table(aggregate([make("ours", "a", 1.0, real_time_factor=factor)])).rows[0][3] == cell


def test_a_rounded_zero_has_no_sign() -> None:
    assert make_table(aggregate([make("ours", "a", -0.001)])).rows[0][2] == "0.00"


def test_a_metric_that_older_records_lack_is_not_averaged() -> None:
    newer = make("ours", "b", 2.0)
    older = make("ours", "a", scores={"vocals": {"si_sdr": 4.0}})
    (summary,) = aggregate([newer, older]).systems
    assert summary.mean == {"si_sdr": 3.0}


def test_markdown() -> None:
    lines = render_markdown(make_table(aggregate(RECORDS))).splitlines()
    assert lines[0] == "**Vocals of 3 tracks (MUSDB18), mean over tracks**"
    assert lines[2].startswith("| System | SI-SNR (dB) | SI-SDR (dB) |")
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: | ---: |"
    assert lines[4] == "| `ours` | 4.01 \\[1.01, 9.01] | 4.00 \\[1.00, 9.00] | 0.1 (10×) | 2.00 GB | 3/3 |"
    assert lines[5].startswith('| `cmd:"x \\| y"` | 3.01 |'), "a pipe in a name must not make a column"
    assert lines[-1] == "- spleeter:2stems: unavailable, not run: no \\[weights] here."


def test_csv_holds_full_precision() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(aggregate(RECORDS)))))
    assert [row["system"] for row in rows] == ["ours", 'cmd:"x | y"', "spleeter:2stems"]
    assert float(rows[0]["si_sdr_mean_db"]) == 4.0 and float(rows[0]["si_sdr_median_db"]) == 2.0
    assert float(rows[0]["si_snr_mean_db"]) == pytest.approx(4.01, abs=1e-12)
    assert (rows[0]["tracks"], rows[0]["scored"], rows[0]["target"]) == ("3", "3", "vocals")
    assert (rows[0]["peak_memory_bytes"], rows[0]["real_time_factor_median"]) == ("2000000000", "0.1")
    assert (rows[1]["failed"], rows[0]["flags"]) == ("crashed.", "odd")
    assert (rows[2]["si_sdr_mean_db"], rows[2]["peak_memory_bytes"]) == ("", "")


def printed(console: Console, *more: Record) -> list[str]:
    print_text(make_table(aggregate([*RECORDS, *more])), console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_numbers_on_a_terminal_are_never_cut(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    long = make("vocal-unet:/a/very/long/path/to/a/model", "a", -12.345, real_time_factor=0.0123)
    lines = printed(console, long)
    assert all(len(line) <= max(width, 80) for line in lines)
    (row,) = (line for line in lines if "-12.34" in line)
    cells = ["-12.34", "-12.35", "0.0123", "(81.3×)", "1.50", "GB", "1/3"]
    if width >= ONE_LINE_WIDTH:
        assert row.split()[-7:] == cells
    else:
        assert row.split()[-6:] == [cell for cell in cells if cell != "(81.3×)"] and "(81.3×)" in "".join(lines)


def test_names_on_a_terminal_are_literal() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    text = "\n".join(printed(console, make("dir:[bold]x", "a", 1.25)))
    assert "dir:[bold]x" in text and "no [weights] here" in text


def test_a_pipe_gets_whole_lines_without_colours() -> None:
    name = "keras:spleeter:2stems with a name of sixty characters in all."
    lines = printed(Console(file=io.StringIO()), make(name, "a", 1.25))
    (row,) = (line for line in lines if line.startswith(name + " "))
    assert row.removeprefix(name).split() == ["1.26", "1.25", "0.05", "(20×)", "1.50", "GB", "1/3"]
    assert not any("\x1b" in line for line in lines)


def test_saving_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "table.md").write_text("old")
    paths = save_tables(aggregate(RECORDS), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    assert (tmp_path / "table.md").read_text("utf-8") == render_markdown(make_table(aggregate(RECORDS)))
    assert (tmp_path / "table.csv").read_text("utf-8") == render_csv(aggregate(RECORDS))
    (tmp_path / "table.csv").unlink()
    (tmp_path / "pairs.csv").unlink()
    (tmp_path / "table.csv").mkdir()
    with pytest.raises(BenchError, match=r"table\.csv: cannot be written"):
        save_tables(aggregate(RECORDS), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv", "table.md"]


def test_what_was_timed_on_and_how_long_loading_took() -> None:
    machine = {"cpu": "Abacus 3000", "cpu_count": 2, "jobs": 1}
    timed = [
        make("ours", "a", 1.0, seconds=0.5, load_seconds=2.04, machine=machine),
        make("theirs", "a", 1.0, seconds=0.5, load_seconds=None, machine={**machine, "cpu_count": 8}),
        make("read", "a", 1.0, machine={**machine, "cpu": "never timed"}),
    ]
    summaries = aggregate(timed)
    full = make_table(summaries, load_time=True)
    assert [row[4] for row in full.rows] == ["2.0 s", "–", "–"] and full.columns[4] == "Load\ntime"
    assert "Timed on: Abacus 3000, 2 processors; Abacus 3000, 8 processors." in full.footnotes
    for plain in (make_table(summaries, cost=False), make_table(summaries, cost=False, load_time=True)):
        assert len(plain.columns) == 4 and not any("Abacus" in note or "Load" in note for note in plain.footnotes)


def test_medians_do_not_stand_under_means() -> None:
    songs = [make("ours", track, scores={"vocals": {"sdr": 1.0, "si_sdr": 2.0}}) for track in "ab"]
    assert make_table(aggregate(songs), ["si_sdr"]).title == "Vocals of 2 tracks (MUSDB18), mean over tracks"
    medians = make_table(aggregate(songs), ["sdr"])
    assert medians.title == "Vocals of 2 tracks (MUSDB18), median over tracks" and medians.columns[1] == "SDR\n(dB, median)"

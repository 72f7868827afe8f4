"""The page of a run, before a browser sees it: excerpts, loudness, pictures, charts, what is written where."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spleeter_bench import cli
from spleeter_bench.errors import BenchError
from spleeter_bench.page import Excerpts, write_page
from spleeter_bench.page.charts import axis, polyline, strip
from spleeter_bench.page.clips import choose_starts, make_clips
from spleeter_bench.page.loudness import loudness, matching_gains
from spleeter_bench.page.mp3 import encode
from spleeter_bench.page.pictures import (
    DIFFERENCE_DB,
    DIFFERENCE_STOPS,
    difference_picture,
    level_picture,
    mask_picture,
)
from spleeter_bench.page.results import first_pair, pairs
from spleeter_bench.tracks import TrackAudio
from tests.conftest import exit_code, snr
from tests.page_run import RATE, SCRIPT, SECONDS, SYSTEMS, Run, make_run, song_audio


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("run"))


def clip_of(path: Path) -> dict:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("Report.clipLoaded(") and text.endswith(");\n")
    return json.loads(text.removeprefix("Report.clipLoaded(").removesuffix(");\n"))


def test_the_page_is_one_folder_and_the_audio_lies_beside_it(run: Run, tmp_path: Path) -> None:
    index = write_page(run.summaries, run.records, run.folder, tmp_path / "page", run.tracks, jobs=1)
    html = index.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=.?(https?:)?//", html), "nothing comes from a network"
    for name in [*re.findall(r'<script defer src="([^"]+)"', html), "page.css"]:
        assert (index.parent / name).is_file()
    clips = sorted((index.parent / "clips").iterdir())
    assert [path.name for path in clips] == ["001-1.js", "002-1.js", "003-1.js"]
    assert "base64" not in html, "the first paint waits for no sound and no picture"
    clip = clip_of(clips[0])
    assert [voice["name"] for voice in clip["voices"]] == ["mixture", "reference", *SYSTEMS]
    assert clip["voices"][0]["audio"] == clip["voices"][2]["audio"], "the unprocessed mixture is there once"
    assert len(clip["audio"]) == len(SYSTEMS) + 1


def test_names_are_text_everywhere(run: Run, tmp_path: Path) -> None:
    index = write_page(run.summaries, run.records, run.folder, tmp_path / "page", run.tracks, jobs=1)
    html = index.read_text(encoding="utf-8")
    assert SCRIPT not in html and "<img src=x" not in html and "</script><!--" not in html
    assert "&lt;script&gt;window.broken = 1&lt;/script&gt;" in html
    for path in (index.parent / "clips").iterdir():
        assert SCRIPT not in clip_of(path)["html"] and "<img src=x" not in clip_of(path)["html"]


def test_an_older_page_is_replaced_and_nothing_else(run: Run, tmp_path: Path) -> None:
    first = write_page(run.summaries, run.records, run.folder, tmp_path / "page", run.tracks, jobs=1)
    (first.parent / "left.txt").write_text("from before")
    second = write_page(run.summaries, run.records, run.folder, tmp_path / "page", (), jobs=1)
    assert second == first and not (first.parent / "left.txt").exists()
    assert not list((first.parent / "clips").iterdir())
    with pytest.raises(BenchError, match="no page of a run"):
        write_page(run.summaries, run.records, run.folder, run.folder)
    assert (run.folder / "records.jsonl").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["page"], "no temporary folder is left"


def test_what_was_not_kept_is_said(run: Run) -> None:
    (clip,) = make_clips(run.tracks[0], {"other": run.folder / "nowhere"}, "vocals", Excerpts())
    assert len(clip.voices) == 2 and "--keep-estimates" in clip.missing["other"]


def test_excerpts_are_where_target_and_rest_are_both_present() -> None:
    silence, sound = np.zeros((1000, 2), np.float32), np.ones((1000, 2), np.float32)
    vocals = np.concatenate([sound, silence, sound, silence, sound])
    others = np.concatenate([silence, sound, sound, silence, 0.5 * sound])
    audio = TrackAudio(vocals + others, {"vocals": vocals, "accompaniment": others})
    assert choose_starts(audio, "vocals", 2000, 1000, 1) == [2000]
    assert choose_starts(audio, "vocals", 2000, 1000, 2) == [2000, 4000]
    assert choose_starts(audio, "vocals", 2000, 1000, 99) == [0, 1000, 2000, 3000, 4000]
    assert choose_starts(audio, "accompaniment", 2000, 5000, 3) == [0]


def test_length_and_count_of_excerpts(run: Run) -> None:
    two = make_clips(run.tracks[0], {}, "vocals", Excerpts(1.0, 2))
    assert [clip.samples for clip in two] == [RATE, RATE]
    (whole,) = make_clips(run.tracks[0], {}, "vocals", Excerpts(None, 2))
    assert (whole.start, whole.seconds) == (0.0, SECONDS)
    for wrong in ((0.5, 1), (math.nan, 1), (7.0, 0), (7.0, 1, 96)):
        with pytest.raises(BenchError):
            Excerpts(*wrong)


def test_loudness_is_that_of_bs_1770() -> None:
    time = np.arange(5 * 48000) / 48000
    sine = np.sin(2 * np.pi * 997 * time)[:, None]
    # the standard: a full-scale 997 Hz sine in one channel of stereo reads -3.01 LUFS; the filters are good to 0.01
    assert loudness(np.hstack([sine, 0 * sine]), 48000) == pytest.approx(-3.01, abs=0.01)
    assert loudness(np.hstack([sine, sine]), 48000) == pytest.approx(0.0, abs=0.01)
    low = np.sin(2 * np.pi * 30 * time)[:, None]
    assert loudness(np.hstack([low, low]), 48000) < -5, "bass counts less"
    half_silent = np.concatenate([sine, np.zeros_like(sine)])
    assert loudness(half_silent, 48000) == pytest.approx(loudness(sine, 48000), abs=0.2), "pauses are gated out"
    assert loudness(np.zeros((48000, 2)), 48000) == -np.inf


def test_matched_waveforms_are_equally_loud_and_do_not_clip() -> None:
    rng = np.random.default_rng(0)
    loud, quiet = rng.uniform(-1, 1, (44100, 2)), 0.01 * rng.standard_normal((44100, 2))
    peaky = quiet.copy()
    peaky[1000] = 1.0
    gains = matching_gains([loud, quiet, peaky, 0 * loud], 44100)
    matched = [gain * waveform for gain, waveform in zip(gains[:3], (loud, quiet, peaky), strict=True)]
    levels = [loudness(waveform, 44100) for waveform in matched]
    assert max(levels) - min(levels) < 1e-6
    assert max(np.abs(waveform).max() for waveform in matched) <= 0.98 + 1e-9
    assert gains[3] == 1.0


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition("base64,")[2]))).convert("RGB"), int)


def test_pictures_have_low_frequencies_at_the_bottom_and_one_scale() -> None:
    level = np.full((40, 60), -80.0, np.float32)
    level[:10] = 0.0
    picture = pixels(level_picture(level, 0.0))
    assert picture.shape == (40, 60, 3)
    assert picture[35:].mean() > 200 and picture[:25].mean() < 30
    assert pixels(level_picture(level, 40.0))[35:].mean() < picture[35:].mean(), "the top of the scale is the mixture's"
    assert pixels(mask_picture(level, level, 0.0))[35:].mean() > 230
    assert pixels(mask_picture(level - 100, level, 0.0))[35:].mean() < 30
    red, _, blue = pixels(difference_picture(level + DIFFERENCE_DB, level, 0.0))[36:38, 20:40].mean(axis=(0, 1))
    assert red > blue + 60, "too much is red"
    middle = [int(DIFFERENCE_STOPS[3][i : i + 2], 16) for i in (1, 3, 5)]
    # WebP is lossy, by a few steps of 255
    np.testing.assert_allclose(pixels(difference_picture(level, level, 0.0)).mean(axis=(0, 1)), middle, atol=6)


def test_axes_have_round_ticks_and_room() -> None:
    scale = axis([-7.3, math.nan, 12.1])
    assert scale.ticks == (-5.0, 0.0, 5.0, 10.0) and scale.low < -7.3 < 12.1 < scale.high
    assert scale.labels[0][1] == "−5" and scale.place(scale.low) == 0 and scale.place(scale.high) == 100
    assert axis([0, 14], margin=0).labels[0] == (0.0, "0")
    assert axis([3.0]).low < 3 < axis([3.0]).high and axis([]).ticks


def test_a_line_breaks_where_there_is_no_value() -> None:
    scale = axis([0, 10], margin=0)
    assert polyline([0, 10, math.nan, 5], scale, 4) == ["12.50,100.00 37.50,0.00", "87.50,50.00"]


def test_dots_know_their_song(run: Run) -> None:
    made = strip(run.summaries, "si_sdr")
    assert [row.system for row in made.rows] == list(SYSTEMS)
    assert {dot.song for dot in made.rows[0].dots} == {0, 1, 2}
    by_song = [{dot.song: dot.y for dot in row.dots} for row in made.rows]
    assert by_song[0] == by_song[1] == by_song[2], "a song has one height"


def test_pairs_are_told_both_ways_round(run: Run) -> None:
    texts = pairs(run.summaries)["sdr"]
    assert texts["1 0"].startswith("mean difference 1.00 dB") and "3 songs better, 0 equal, 0 worse" in texts["1 0"]
    assert texts["0 1"].startswith("mean difference -1.00 dB") and "0 songs better, 0 equal, 3 worse" in texts["0 1"]
    assert first_pair(run.summaries) == (1, 2), "ours against Spleeter"


def test_the_command(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(cli.app, "report", run.folder, "-o", tmp_path / "page") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'page' / 'index.html'}\n"
    assert "made without songs" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert exit_code(cli.app, "report", run.folder, "--data", "stems:/nowhere", "-o", tmp_path / "page") == 11


def test_mp3s_line_up_with_what_they_were_made_from() -> None:
    waveform = song_audio(0).references["vocals"]
    text, decoded = encode(waveform, RATE, 96_000)
    # 96 kbit/s at 16 kHz leaves little out; a shift by one sample would cost more than this
    assert decoded.shape == waveform.shape and snr(waveform, decoded) > 20
    assert base64.b64decode(text)[:3] in (b"ID3", b"\xff\xfb", b"\xff\xf3")
    with pytest.raises(BenchError, match="cannot have 12345 Hz, only 8000"):
        encode(waveform, 12345, 96_000)


def test_several_processes_make_the_same_page(run: Run, tmp_path: Path) -> None:
    pages = [
        write_page(run.summaries, run.records, run.folder, tmp_path / str(jobs), run.tracks, jobs=jobs)
        for jobs in (1, 2)
    ]
    one, two = (
        {path.relative_to(index.parent): path.read_bytes() for path in index.parent.rglob("*") if path.is_file()}
        for index in pages
    )
    assert one == two

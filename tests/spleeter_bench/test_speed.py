"""Timings of whole processes and loaded systems: what is measured, what is kept, what is said."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import keras
import pytest
import soundfile

from spleeter_bench.errors import BenchError, SystemFailedError
from spleeter_bench.speed import measure, show
from spleeter_bench.speed.contestants import Contestant, contestants
from spleeter_bench.speed.floor import operations
from spleeter_bench.speed.process import run_measured
from spleeter_bench.speed.results import Floor, SpeedRun, Timing, read_run

MACHINE = {"cpu": "a processor", "cpu_count": 2}
RUN = SpeedRun(
    "2stems",
    "generated random weights",
    MACHINE,
    [
        Timing("original", 10.0, 9.0, 12.0, 2_000_000_000, 8.0, 2.0),
        Timing("keras", 10.0, 3.0, 4.0, 900_000_000, 2.5, 0.25),
        Timing("original", 3600.0, note="not run: it would take about 90 GB, the machine has 25"),
        Timing("keras", 3600.0, 40.0, 70.0, 950_000_000),
    ],
    Floor(24_000_000_000, 400e9, 0.09, 11.9, 0.1),
)


def test_a_process_is_measured_from_its_start_to_its_end() -> None:
    code = "import time; block = bytearray(200_000_000); sum(range(3_000_000)); time.sleep(0.3)"
    cost = run_measured([sys.executable, "-c", code])
    assert cost.seconds > 0.3 and 0 < cost.cpu_seconds < cost.seconds + 0.2
    assert 200e6 < cost.peak_memory < 400e6
    with pytest.raises(SystemFailedError, match="exit code 3: no such thing"):
        run_measured([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"])


def test_operations_are_those_of_the_layers() -> None:
    x = keras.Input((None, 16, 2))
    y = keras.layers.Conv2D(4, 5, 2, "same")(x)  # 4 × 8 places, each 5·5·2·4 products
    z = keras.layers.Conv2DTranspose(3, 3, 2, "same")(y)  # 4 × 8 places in, each 3·3·4·3
    assert operations(keras.Model(x, z), frames=8, bins=16) == 2 * 32 * (200 + 108)


def test_the_file_holds_everything(tmp_path: Path) -> None:
    RUN.save(tmp_path / "speed.json")
    assert read_run(tmp_path / "speed.json") == RUN


def test_the_table_gives_ratios_on_the_same_song_and_says_what_is_missing() -> None:
    table = show.make_table(RUN)
    assert table.rows[1] == (
        "10 s", "vocal-unet separate", "3.00", "4.00", "3.0", "0.25", "8.0", "0.0250", "2.50", "900 MB",
    )  # fmt: skip
    assert table.rows[2][2:] == ("–",) * 8 and table.rows[3][4] == "–"
    notes = " ".join(table.footnotes)
    assert "generated random weights" in notes and "60 min: not run: it would take about 90 GB" in notes
    assert "90 ms per segment of 11.9 s, 1.50× the floor" in notes and "ONNX Runtime takes 100 ms" in notes


def test_the_picture_has_a_curve_for_everybody(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = show.draw(RUN)
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    figure.savefig(tmp_path / "speed.png")


def test_songs_get_longer_until_memory_would_not_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = "import shutil, sys; from pathlib import Path; Path(sys.argv[2]).mkdir(); shutil.copy(sys.argv[1], sys.argv[2]); "
    hungry = copy + "block = bytearray(Path(sys.argv[1]).stat().st_size * 400)"

    def made(*_: object) -> list[Contestant]:
        start = [sys.executable, "-c", hungry]
        return [Contestant("keras", "mixture", lambda song, folder: [*start, str(song), str(folder)], {})]

    monkeypatch.setattr(measure, "contestants", made)
    monkeypatch.setattr(measure, "measure_floor", lambda model: None)
    (tmp_path / "models" / "2stems").mkdir(parents=True)
    runs = list(
        measure.measure(tmp_path / "work", weights=tmp_path / "models", durations=[2.0, 1.0, 5000.0], progress=str)
    )
    first, second, third = runs[-1].timings
    assert [len(run.timings) for run in runs] == [0, 1, 2, 3] and (first.audio_seconds, second.audio_seconds) == (1, 2)
    assert first.peak_memory and second.peak_memory and second.peak_memory > first.peak_memory + 50e6
    assert first.steady_seconds is not None and first.load_seconds is not None
    assert "not run: it would take about" in third.note and third.seconds is None
    assert soundfile.info(tmp_path / "work" / "song-2s.wav").frames == 88_200
    assert not (tmp_path / "work" / "stems").exists()


def test_a_folder_of_songs_is_as_long_as_the_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list_songs = "import sys; from pathlib import Path; print(*Path(sys.argv[1]).glob('*.wav'), sep='\\n')"
    heard = []

    def command(song: Path, folder: Path) -> list[str]:
        heard.append(
            [soundfile.info(file).frames for file in sorted(song.glob("*.wav"))] or soundfile.info(song).frames
        )
        return [sys.executable, "-c", list_songs, str(song)]

    monkeypatch.setattr(measure, "contestants", lambda *_: [Contestant("keras", "mixture", command, {})])
    monkeypatch.setattr(measure, "measure_floor", lambda model: None)
    monkeypatch.setattr(measure, "SONGS", 3)
    monkeypatch.setattr(measure, "SONGS_SECONDS", 6.0)
    (tmp_path / "models" / "2stems").mkdir(parents=True)
    runs = list(
        measure.measure(
            tmp_path / "work", weights=tmp_path / "models", durations=[2.0, 6.0], names=["keras"], progress=str
        )
    )
    assert heard == [88_200, 264_600, [44_100, 88_200, 132_300]]
    assert [(t.audio_seconds, t.songs) for t in runs[-1].timings] == [(2, 1), (6, 1), (6, 3)]
    assert len(runs) == measure.steps([2.0, 6.0], ["keras"]) and not list((tmp_path / "work").glob("songs-*"))
    assert show.make_table(runs[-1]).rows[2][0] == "6 s, 3 songs"


def test_nobody_unknown_is_timed(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="nobody called 'tflite' to time; there are original, keras, savedmodel, onnx"):
        contestants("2stems", tmp_path, tmp_path, ("tflite",))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"names": ["tflite"]}, "nobody called 'tflite'"),
        ({"model": "3stems"}, "no model '3stems' to time; there are 2stems, 4stems, 5stems"),
        ({"weights": Path("/nowhere")}, "/nowhere/2stems: no such folder"),
        ({"durations": [10.0, -5.0]}, "a song cannot last -5 s"),
        ({"durations": [float("nan")]}, "a song cannot last nan s"),
    ],
)
def test_what_cannot_be_timed_is_said_before_anything_is_made(tmp_path: Path, wrong: dict, said: str) -> None:
    with pytest.raises(BenchError, match=said):
        next(measure.measure(tmp_path / "work", **wrong))
    assert not (tmp_path / "work").exists()


def test_a_file_is_no_folder_for_the_figures(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("text", encoding="utf-8")
    with pytest.raises(BenchError, match=r"taken: cannot be made \(File exists\); name another folder"):
        next(measure.measure(tmp_path / "taken"))


def test_a_ratio_needs_the_same_song() -> None:
    other = dataclasses.replace(RUN, timings=[Timing("keras", 60.0, 5.0, 6.0, 1, 1.0, 1.0)])
    assert show.make_table(other).rows[0][4] == "–"

"""Many songs at once: folders, failures, events, pipes and signals."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import exit_code, snr
from vocal_unet import Separator, probe_audio, read_audio, write_audio
from vocal_unet.audio.pcm import pcm_bytes, read_pcm
from vocal_unet.cli import app
from vocal_unet.errors import AudioError

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small_spleeter: Path) -> Run:
    """Run `separate` with the small model in an empty working folder; gives its exit code."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def call(*arguments: str | Path) -> int:
        return exit_code(app, "separate", *arguments, "-p", small_spleeter)

    return call


@pytest.fixture
def music(tmp_path: Path, tone) -> Path:
    """Three good songs and two broken ones, in folders, beside things that are no songs."""
    folder = tmp_path / "music"
    (folder / "live").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for seed, name in enumerate(["a.wav", "b.flac", "live/c.mp3", ".hidden/d.wav"]):
        write_audio(folder / name, tone(9000, seed=seed), 44100)
    (folder / "cover.jpg").write_bytes(b"picture")
    (folder / "broken.mp3").write_bytes(b"no song" * 1000)
    whole = (folder / "b.flac").read_bytes()
    (folder / "live" / "cut.flac").write_bytes(whole[: len(whole) // 3])
    return folder


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_folder_with_three_good_and_two_broken_songs(run: Run, music: Path, capfd) -> None:
    assert run(music, "-o", "out") == 3
    printed = capfd.readouterr()
    expected = [f"{song}/{stem}.wav" for song in "abc" for stem in ("accompaniment", "vocals")]
    assert files(Path("out")) == expected and len(printed.out.splitlines()) == 6
    summary = printed.err[printed.err.index("3 of 5 songs separated, 2 failed:") :].splitlines()
    assert len(summary) == 3 and "broken.mp3" in summary[1] and "cut.flac" in summary[2]
    assert printed.err.count("error: ") == 2 and "Traceback" not in printed.err


def test_when_nothing_can_be_read_no_model_is_loaded(run: Run, monkeypatch, music: Path, tmp_path, capfd) -> None:
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "nowhere"))
    assert run(music / "broken.mp3", music / "none.wav") == 3
    assert "0 of 2 songs separated, 2 failed" in capfd.readouterr().err


def test_kinds_of_failures_that_differ_give_exit_code_1(run: Run, music: Path) -> None:
    Path("out").mkdir()
    Path("out/a").write_text("a file where a folder should be")
    assert run(music, "-o", "out") == 1
    assert files(Path("out")) == ["a", "b/accompaniment.wav", "b/vocals.wav", "c/accompaniment.wav", "c/vocals.wav"]


def test_patterns_and_names_give_each_song_once(run: Run, music: Path, capfd) -> None:
    assert run(f"{music}/[ab].*", f"{music}/**/c.mp3", music / "a.wav", "-o", "out") == 0
    assert "3 of 3" in capfd.readouterr().err
    assert run(f"{music}/*.xyz") == 3
    assert "matches no file" in capfd.readouterr().err
    assert run("") == 3
    assert "the name of a song is empty" in capfd.readouterr().err


def test_stems_of_an_earlier_run_are_no_songs(run: Run, music: Path, capfd) -> None:
    for _ in range(2):
        assert run(music, "-o", music / "stems") == 3
        assert "3 of 5 songs" in capfd.readouterr().err


def test_two_songs_may_not_write_one_file(run: Run, music: Path, tone, capfd) -> None:
    write_audio(music / "live" / "a.wav", tone(1000), 44100)
    assert run(music / "a.wav", music / "live" / "a.wav", "-o", "out") == 2
    assert "would both be written" in capfd.readouterr().err and not Path("out").exists()
    form = "{foldername}/{filename}/{instrument}.{codec}"
    assert run(music / "a.wav", music / "live" / "a.wav", "-o", "out", "-f", form) == 0
    assert len(files(Path("out"))) == 4


def test_one_song_may_not_replace_another(run: Run, music: Path, tone, capfd) -> None:
    write_audio(music / "vocals.wav", tone(1000), 44100)
    assert run(music / "a.wav", music / "vocals.wav", "-o", music, "-f", "{instrument}.{codec}") == 2
    assert "vocals.wav" in capfd.readouterr().err


def test_only_some_stems(run: Run, music: Path, capfd) -> None:
    assert run(music / "a.wav", "-o", "out", "--stems", "vocals") == 0
    assert files(Path("out")) == ["a/vocals.wav"]
    assert run(music / "a.wav", "-o", "out", "--stems", "vocals,piano") == 2
    assert "has no stem 'piano'; it has vocals, accompaniment" in capfd.readouterr().err


def test_skip_existing(run: Run, music: Path, capfd) -> None:
    assert run(music / "a.wav", "-o", "out") == 0
    before = Path("out/a/vocals.wav").stat().st_mtime_ns
    assert run(music / "a.wav", music / "b.flac", "-o", "out", "--skip-existing") == 0
    assert "1 of 2 songs separated, 1 skipped" in capfd.readouterr().err
    assert Path("out/a/vocals.wav").stat().st_mtime_ns == before
    Path("out/a/vocals.wav").unlink()
    assert run(music / "a.wav", "-o", "out", "--skip-existing") == 0
    assert Path("out/a/vocals.wav").is_file()


def test_json_lines(run: Run, music: Path, capfd) -> None:
    assert run(music, "-o", "out", "--json") == 3
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["error", "model"] and kinds[-2:] == ["error", "summary"], "one shows only when it is decoded"
    assert events[1]["stems"] == ["vocals", "accompaniment"] and events[1]["sample_rate"] == 44100
    song = [event for event in events if event.get("file") == str(music / "a.wav")]
    assert [event["event"] for event in song] == ["start", *["progress"] * (len(song) - 2), "done"]
    assert song[-2]["seconds"] == 9000 / 44100
    assert song[-2]["done"] == round(9000 / 44100, 3), "in milliseconds"
    assert Path(song[-1]["stems"]["vocals"]).is_file() and song[-1]["samples"] == 9000
    assert len(events[-1]["done"]) == 3 and events[-1]["exit_code"] == 3
    assert [Path(failed["file"]).name for failed in events[-1]["failed"]] == ["broken.mp3", "cut.flac"]


def test_json_tells_what_ends_the_run(run: Run, music: Path, capfd) -> None:
    assert run(music / "a.wav", "--stems", "none", "--json") == 2
    event = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (event["event"], event["kind"], event["exit_code"]) == ("error", "ConfigError", 2)


@pytest.mark.parametrize(("rate", "samples"), [(48_000, 20_001), (22_050, 10_007), (96_000, 33_331)])
def test_stems_at_the_songs_own_rate_have_its_length(run: Run, rate: int, samples: int, tmp_path, tone) -> None:
    write_audio(tmp_path / "song.wav", tone(samples), rate)
    assert run(tmp_path / "song.wav", "-o", "out", "--keep-sample-rate") == 0
    info = probe_audio("out/song/vocals.wav")
    assert (info.sample_rate, info.samples) == (rate, samples)


def test_formats_of_samples(run: Run, music: Path) -> None:
    assert run(music / "a.wav", "-o", "out", "--sample-format", "int24", "-c", "flac") == 0
    assert probe_audio("out/a/vocals.flac").codec == "flac/pcm_24"
    assert run(music / "a.wav", "-o", "out", "--sample-format", "float32") == 0
    assert probe_audio("out/a/vocals.wav").codec == "wav/float"


def test_another_adapter_is_refused(run: Run, music: Path, capfd) -> None:
    assert run(music / "a.wav", "-o", "out", "-a", "my.Adapter") == 2
    assert "my.Adapter" in capfd.readouterr().err
    assert run(music / "a.wav", "-o", "out", "-a", "spleeter.audio.ffmpeg.FFMPEGProcessAudioAdapter") == 0


def started(arguments: list[str | Path], **keywords) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "vocal_unet", "separate", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        **keywords,
    )


def test_a_pipe_through_the_command_gives_what_the_api_gives(small_spleeter, tone, tmp_path) -> None:
    data = np.rint(tone(20_000) * 32768).astype("<i2")
    arguments: list[str | Path] = ["-", "-o", "-", "-p", small_spleeter]
    process = started(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    out, err = process.communicate(data.tobytes(), timeout=300)
    assert process.returncode == 0 and err.decode().count("\n") == 1, err.decode()
    stems = Separator(small_spleeter).separate(data.astype(np.float32) / 32768)
    expected = np.concatenate([stems["vocals"], stems["accompaniment"]], axis=1)
    np.testing.assert_array_equal(np.frombuffer(out, "<i2").reshape(-1, 4), np.rint(expected * 32768))


def test_floats_through_a_pipe_are_exact(tone) -> None:
    waveform = 3 * tone(10_000)
    blocks = list(read_pcm(io.BytesIO(pcm_bytes(waveform, "f32le")), "f32le", 2, block_samples=999))
    np.testing.assert_array_equal(np.concatenate(blocks), waveform)
    with pytest.raises(AudioError, match="not finite"):
        list(read_pcm(io.BytesIO(np.full(2, np.nan, "<f4").tobytes()), "f32le", 2))


def test_a_pipe_that_ends_within_a_sample(run: Run, monkeypatch, capfd) -> None:
    for data, says in ((b"12345", "ends within a sample"), (b"", "holds no samples")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert run("-", "-o", "out") == 3
        assert says in capfd.readouterr().err and not files(Path(".")), "nothing half-written"


def test_a_pipe_at_another_rate_into_files(run: Run, monkeypatch, tone) -> None:
    data = tone(24_000).astype("<f4").tobytes()
    for extra, rate, samples in (([], 44_100, 22_050), (["--keep-sample-rate"], 48_000, 24_000)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert run("-", "-o", "out", "--raw-format", "f32le", "--raw-rate", "48000", *extra) == 0
        info = probe_audio("out/stdin/vocals.wav")
        assert (info.sample_rate, info.samples) == (rate, samples)


def test_pipes_that_cannot_work(run: Run, music: Path, capfd) -> None:
    assert run("-", music / "a.wav") == 2
    assert run(music / "a.wav", "-o", "-", "--json") == 2
    assert capfd.readouterr().err.count("error: ") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a POSIX thing")
@pytest.mark.parametrize(("number", "clip"), [(signal.SIGINT, "none"), (signal.SIGTERM, "rescale")])
def test_a_signal_leaves_no_partial_file(number, clip, small_spleeter, tone, tmp_path) -> None:
    """The song comes through a pipe that stays open, so the command is surely at work when the signal comes."""
    arguments: list[str | Path] = ["-", "-o", tmp_path / "out", "-p", small_spleeter, "--json", "--clip", clip]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # where the tests run in the background, an interrupt is ignored, and by what they start as well
    heeded = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    process = started(arguments, **pipes, cwd=tmp_path, preexec_fn=heeded)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdin.write(np.zeros((200_000, 2), "<i2").tobytes())
    process.stdin.flush()
    for line in process.stdout:
        if json.loads(line)["event"] == ("progress" if clip == "none" else "start"):
            break
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err.decode()
    assert not files(tmp_path / "out") and "Traceback" not in err.decode()
    assert err.decode().count("interrupted") == (number == signal.SIGINT)


def test_clip_rescale_keeps_the_sum(run: Run, tone, tmp_path, capfd) -> None:
    loud = 3.5 * tone(30_000)
    write_audio(tmp_path / "loud.wav", loud, 44100, sample_format="float32")
    options = ["-o", "out", "--sample-format", "int24"]
    assert run(tmp_path / "loud.wav", *options) == 0
    assert "lie beyond full scale; --clip rescale avoids that" in capfd.readouterr().err
    assert run(tmp_path / "loud.wav", *options, "--clip", "rescale") == 0
    assert "made softer by the factor" in capfd.readouterr().err
    rescaled = [read_audio(f"out/loud/{stem}.wav")[0] for stem in ("vocals", "accompaniment")]
    plain = Separator(os.environ["MODEL_PATH"] + "/../small.json").separate(loud)
    peak = max(np.max(np.abs(samples)) for samples in plain.values())
    assert peak > 1 and max(np.max(np.abs(s)) for s in rescaled) == pytest.approx(1 - 2**-15, abs=2**-22)
    # 24 bits leave a rounding error of 2⁻²⁵ rms against stems of some tenths: over 120 dB.
    for samples, stem in zip(rescaled, plain.values(), strict=True):
        assert snr(stem * np.float32((1 - 2**-15) / peak), samples) > 110


def test_a_picture_beside_the_stems(run: Run, music: Path, capfd) -> None:
    pytest.importorskip("matplotlib")
    assert run(music / "a.wav", music / "b.flac", "-o", "out", "--plot", "-d", "0.1") == 0
    assert files(Path("out")) == [
        f"{song}/{name}" for song in "ab" for name in ("accompaniment.wav", "spectrogram.png", "vocals.wav")
    ]
    assert Path("out/a/spectrogram.png").read_bytes().startswith(b"\x89PNG")
    assert run(music / "a.wav", "-o", "-", "--plot") == 2
    assert "leave out one of the two" in capfd.readouterr().err


def test_a_picture_without_matplotlib_is_refused_before_any_work(
    run: Run, music: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(music / "a.wav", "-o", "out", "--plot") == 2
    assert "vocal-unet[plot]" in capfd.readouterr().err and not Path("out").exists()

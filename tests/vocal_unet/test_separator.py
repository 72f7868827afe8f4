"""The Separator: shapes, streams, files, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import snr
from vocal_unet import Separator, read_audio, write_audio
from vocal_unet.errors import AudioError, ConfigError, ModelError, WeightsUnavailableError
from vocal_unet.loading import load_model


@pytest.fixture
def separator(small_spleeter: Path) -> Separator:
    return Separator(small_spleeter)


@pytest.mark.parametrize("samples", [0, 1, 2205, 7680, 7681, 30_000])
def test_stems_have_the_songs_length(separator: Separator, samples: int, tone) -> None:
    stems = separator.separate(tone(samples))
    assert list(stems) == ["vocals", "accompaniment"]
    assert all(s.shape == (samples, 2) and s.dtype == np.float32 and np.isfinite(s).all() for s in stems.values())


def test_streaming_in_odd_blocks_equals_the_whole(separator: Separator, tone) -> None:
    waveform = tone(30_000)
    whole = separator.separate(waveform)
    parts = list(separator.stream(waveform[start : start + 997] for start in range(0, 30_000, 997)))
    for stem, samples in whole.items():
        np.testing.assert_array_equal(np.concatenate([part[stem] for part in parts]), samples)


def test_channels_as_in_spleeter(separator: Separator, tone) -> None:
    mono, stereo = tone(5000, channels=1), tone(5000)
    np.testing.assert_array_equal(
        separator.separate(mono)["vocals"], separator.separate(np.repeat(mono, 2, axis=1))["vocals"]
    )
    more = np.concatenate([stereo, mono, mono], axis=1)
    np.testing.assert_array_equal(separator.separate(more)["vocals"], separator.separate(stereo)["vocals"])


def test_the_input_is_not_changed_and_the_result_is_repeatable(separator: Separator, tone) -> None:
    waveform = tone(9000)
    before = waveform.copy()
    first, second = separator.separate(waveform), separator.separate(waveform)
    np.testing.assert_array_equal(waveform, before)
    np.testing.assert_array_equal(first["vocals"], second["vocals"])


def test_songs_of_twenty_lengths_use_one_graph(separator: Separator, tone) -> None:
    for samples in range(1, 30_000, 1500):
        separator.separate(tone(samples))
    assert separator._graph.separate_function.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_refused(separator: Separator, value: float, tone) -> None:
    waveform = tone(5000)
    waveform[4000, 1] = value
    with pytest.raises(AudioError, match="not numbers"):
        separator.separate(waveform)


def test_a_waveform_without_channel_axis_is_refused(separator: Separator) -> None:
    with pytest.raises(AudioError, match="samples, channels"):
        separator.separate(np.zeros(1000, np.float32))


def test_separate_to_file(separator: Separator, tmp_path: Path, tone) -> None:
    waveform = tone(30_000)
    write_audio(tmp_path / "song.wav", waveform, 44100, sample_format="float32")
    calls: list[int] = []
    paths = separator.separate_to_file(
        tmp_path / "song.wav", tmp_path / "out", sample_format="float32", progress=calls.append
    )
    assert {stem: p.relative_to(tmp_path).as_posix() for stem, p in paths.items()} == {
        "vocals": "out/song/vocals.wav",
        "accompaniment": "out/song/accompaniment.wav",
    }
    written, rate = read_audio(paths["vocals"])
    assert rate == 44100
    np.testing.assert_array_equal(written, separator.separate(waveform)["vocals"])
    assert calls == sorted(calls) and calls[-1] == 30_000


def test_offset_and_duration(separator: Separator, tmp_path: Path, tone) -> None:
    waveform = tone(44_100)
    write_audio(tmp_path / "song.wav", waveform, 44100, sample_format="float32")
    paths = separator.separate_to_file(
        tmp_path / "song.wav", tmp_path, offset=0.25, duration=0.5, sample_format="float32", codec="wav"
    )
    expected = separator.separate(waveform[11_025 : 11_025 + 22_050])["vocals"]
    assert snr(expected, read_audio(paths["vocals"])[0]) >= 120


def test_a_song_that_breaks_half_way_leaves_no_file(separator: Separator, tmp_path: Path, tone) -> None:
    waveform = tone(44_100)
    waveform[40_000] = np.nan
    import soundfile

    soundfile.write(tmp_path / "song.wav", waveform, 44100, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"song\.wav"):
        separator.separate_to_file(tmp_path / "song.wav", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bad", ["{filename}.{codec}", "{title}/{instrument}.{codec}", "{instrument"])
def test_filename_formats_that_cannot_work(separator: Separator, bad: str, tmp_path: Path, tone) -> None:
    write_audio(tmp_path / "song.wav", tone(100), 44100)
    with pytest.raises(ConfigError, match="filename format"):
        separator.separate_to_file(tmp_path / "song.wav", tmp_path, filename_format=bad)


def test_the_input_is_never_replaced(separator: Separator, tmp_path: Path, tone) -> None:
    write_audio(tmp_path / "vocals.wav", tone(100), 44100)
    with pytest.raises(ConfigError, match="replace the input"):
        separator.separate_to_file(tmp_path / "vocals.wav", tmp_path, filename_format="{instrument}.{codec}")


def test_models_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_spleeter: Path) -> None:
    with pytest.raises(ConfigError, match="no such model folder"):
        load_model(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        load_model(f"vocal-unet:{tmp_path / 'empty'}")
    monkeypatch.setenv("MODEL_PATH", str(tmp_path / "elsewhere"))
    with pytest.raises(WeightsUnavailableError, match="not a published model"):
        load_model(small_spleeter)
    monkeypatch.setenv("GITHUB_HOST", "http://127.0.0.1:9")
    with pytest.raises(
        WeightsUnavailableError, match=r"could not be fetched from http://127\.0\.0\.1:9/deezer/spleeter"
    ):
        load_model("spleeter:2stems")
    assert not (tmp_path / "elsewhere" / "2stems").exists()


def test_the_source_of_weights_is_said(small_spleeter: Path, tmp_path: Path) -> None:
    assert "origin unknown" in Separator(small_spleeter).weights
    (tmp_path / "models" / "small" / ".source.json").write_text('{"source": "generated"}')
    assert Separator(small_spleeter).weights == "generated random weights"

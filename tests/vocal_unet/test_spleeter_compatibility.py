"""Spleeter's own test ideas against this API and command, and that stems on disk sum to the mixture."""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import SMALL_JSON, exit_code, random_variables, snr
from vocal_unet import CancelledError, Separator, probe_audio, read_audio, write_audio
from vocal_unet.audio import CODECS
from vocal_unet.cli import app
from vocal_unet.errors import ConfigError
from vocal_unet.spleeter.checkpoint import write_checkpoint
from vocal_unet.spleeter.configuration import spleeter_model

STEMS = {
    2: ["vocals", "accompaniment"],
    4: ["vocals", "drums", "bass", "other"],
    5: ["vocals", "piano", "drums", "bass", "other"],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A models folder for all tests of this file."""
    folder = tmp_path_factory.mktemp("spleeter")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_PATH", str(folder))
        yield folder


@functools.cache
def small_model(models: Path, count: int, network: str = "unet.unet", extension: str = "zeros") -> Path:
    """The JSON file of a small model with random weights: so many stems, this network, this mask extension."""
    name = f"small{count}{network}{extension}"
    path = models / f"{name}.json"
    model = {**SMALL_JSON["model"], "type": network}
    settings = {"model_dir": name, "instrument_list": STEMS[count], "mask_extension": extension, "model": model}
    path.write_text(json.dumps({**SMALL_JSON, **settings}))
    spleeter = spleeter_model(str(path))
    write_checkpoint(models / name, random_variables(spleeter), spleeter)
    return path


@functools.cache
def small_separator(models: Path, count: int, network: str = "unet.unet", extension: str = "zeros") -> Separator:
    return Separator(params_descriptor=str(small_model(models, count, network, extension)), multiprocess=False)


@pytest.fixture(params=["song.mp3", "mono.mp3"])
def song(request: pytest.FixtureRequest, tmp_path: Path, tone) -> Path:
    """As in Spleeter's tests: a stereo and a mono mp3."""
    write_audio(tmp_path / request.param, tone(30_000, channels=1 if "mono" in request.param else 2), 44100)
    return tmp_path / request.param


@pytest.mark.parametrize("count", [2, 4, 5])
def test_separate_an_array(count: int, models: Path, song: Path) -> None:
    separator = small_separator(models, count)
    waveform, _ = read_audio(song)
    prediction = separator.separate(waveform, "song")
    assert list(prediction) == STEMS[count]
    for stem, samples in prediction.items():
        assert samples.shape == (len(waveform), 2)
        for other in set(prediction) - {stem}:
            assert not np.allclose(samples, prediction[other])


@pytest.mark.parametrize("count", [2, 4, 5])
def test_separate_to_file(count: int, models: Path, song: Path, tmp_path: Path) -> None:
    separator = small_separator(models, count)
    separator.separate_to_file(str(song), str(tmp_path / "out"), synchronous=False)
    separator.join()
    assert sorted(p.name for p in (tmp_path / "out" / song.stem).iterdir()) == sorted(f"{s}.wav" for s in STEMS[count])


def test_filename_format(models: Path, song: Path, tmp_path: Path) -> None:
    separator = small_separator(models, 2)
    separator.separate_to_file(
        str(song), str(tmp_path / "out"), filename_format="export/{filename}/{instrument}.{codec}"
    )
    for stem in STEMS[2]:
        assert (tmp_path / "out" / "export" / song.stem / f"{stem}.wav").is_file()


def test_filename_conflict(models: Path, song: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="several stems"):
        small_separator(models, 2).separate_to_file(
            str(song), str(tmp_path / "out"), filename_format="I wanna be your lover"
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec(codec: str, models: Path, song: Path, tmp_path: Path) -> None:
    class Codec(str, enum.Enum):
        """Members of Spleeter's enumeration are texts as well, but do not print as one."""

        CHOSEN = codec

    paths = small_separator(models, 2).separate_to_file(song, tmp_path / "out", None, 0, 600.0, Codec.CHOSEN, "128k")
    for stem, path in paths.items():
        assert path.name == f"{stem}.{codec}" and probe_audio(path).channels == 2
        assert abs(len(read_audio(path)[0]) - 30_000) < 4096  # wma is filled up to whole frames


@pytest.mark.parametrize("codec", CODECS)
def test_the_command_with_spleeters_options(codec: str, models: Path, tone, tmp_path: Path, capfd) -> None:
    song = tmp_path / "song.mp3"
    write_audio(song, tone(30_000), 44100)
    options = f"--params_filename {small_model(models, 2)} -c {codec} -b 96k -s 0.1 -d 0.25".split()
    options += ["--filename_format", "{foldername}_{filename}_{instrument}.{codec}"]
    assert exit_code(app, "separate", song, "--output_path", tmp_path / "out", *options) == 0
    for stem in STEMS[2]:
        path = tmp_path / "out" / f"{song.parent.name}_{song.stem}_{stem}.{codec}"
        assert abs(len(read_audio(path)[0]) - 11_025) < 4096


def test_what_is_not_supported_is_refused(models: Path, song: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="audio_adapter"):
        small_separator(models, 2).separate_to_file(song, tmp_path, object())


def test_progress_can_cancel(models: Path, tmp_path: Path, tone) -> None:
    separator = small_separator(models, 2)
    waveform = tone(60_000)
    calls: list[int] = []

    def stop_after_two(samples: int) -> bool:
        calls.append(samples)
        return len(calls) < 2

    with pytest.raises(CancelledError):
        separator.separate(waveform, progress=stop_after_two)
    assert len(calls) == 2 and calls[0] < calls[1] < 60_000
    write_audio(tmp_path / "song.wav", waveform, 44100)
    with pytest.raises(CancelledError):
        separator.separate_to_file(tmp_path / "song.wav", tmp_path / "out", progress=lambda samples: False)
    assert not [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    separator.separate(waveform, progress=calls.append)
    assert calls[-1] == 60_000


LOSSLESS = [("wav", "int16"), ("wav", "int24"), ("wav", "float32"), ("flac", "int16"), ("flac", "int24")]


@pytest.mark.parametrize(("codec", "sample_format"), LOSSLESS)
@pytest.mark.parametrize(("count", "network"), [(2, "unet.unet"), (4, "unet.unet"), (5, "unet.softmax_unet")])
def test_stems_on_disk_sum_to_the_mixture(
    count: int, network: str, codec: str, sample_format: str, models: Path, tone, tmp_path: Path
) -> None:
    """With masks over the whole band; 16 bits per stem cannot reach 90 dB, the rounding of the stems is all that is left."""
    mixture = tone(30_000)
    write_audio(tmp_path / "song.wav", mixture, 44100, sample_format="float32")
    paths = small_separator(models, count, network, "average").separate_to_file(
        tmp_path / "song.wav", tmp_path / "out", codec=codec, sample_format=sample_format
    )
    total = np.sum([read_audio(path)[0].astype(np.float64) for path in paths.values()], axis=0)
    measured = snr(mixture, total.astype(np.float32))
    print(f"{count} stems, {codec} {sample_format}: {measured:.1f} dB")
    if sample_format == "int16":
        rounding = count * 2.0**-30 / 12  # power of so many independent roundings by up to half a step of 2⁻¹⁵
        limit = 10 * np.log10(np.mean(mixture.astype(np.float64) ** 2) / rounding)
        assert measured == pytest.approx(limit, abs=0.5)
    else:
        assert measured >= 90

"""Files that cannot be read: each ends in one line that names the file and says what to do."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from vocal_unet.audio import CODECS, probe_audio, read_audio, write_audio
from vocal_unet.errors import AudioError

RATE = 44100


def sound(seconds: float = 3.0) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.5, 0.5, (int(RATE * seconds), 2)).astype(np.float32)


def refused(path: Path, says: str, **arguments) -> None:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(AudioError, match=says) as caught:
        read_audio(path, **arguments)
    message = str(caught.value)
    assert path.name in message and "\n" not in message and ";" in message
    assert before is None or path.read_bytes() == before


def video(path: Path, codec: str, frames: int) -> None:
    options = {"format": "image2"} if path.suffix == ".png" else {}
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
        for _ in range(frames):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def test_missing_file(tmp_path):
    refused(tmp_path / "gone.wav", "no such file")


def test_folder(tmp_path):
    refused(tmp_path, "is a folder")


def test_not_a_regular_file():
    refused(Path("/dev/zero"), "not a regular file")


def test_permission_denied(tmp_path, monkeypatch):
    path = tmp_path / "secret.wav"
    write_audio(path, sound(0.1), RATE)

    def denied(self, *arguments, **keywords):
        raise PermissionError(13, "Permission denied")

    # Taking the permission away would not stop a test that runs as root.
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(AudioError, match=r"secret\.wav: cannot be read \(Permission denied\)"):
        read_audio(path)


def test_empty_file(tmp_path):
    path = tmp_path / "empty.wav"
    path.touch()
    refused(path, "is empty")


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_file_without_samples(tmp_path, suffix):
    path = tmp_path / f"silent.{suffix}"
    soundfile.write(path, np.zeros((0, 2), np.float32), RATE)
    refused(path, "holds no samples")


@pytest.mark.parametrize("name", ["song.mp3", "song.wav", "song.m4a", "song.raw", "song"])
def test_text_is_not_sound(tmp_path, name, capfd):
    path = tmp_path / name
    path.write_text("this is no song\n" * 300)
    refused(path, "not a sound file|no audio stream|holds no samples|damaged")
    assert capfd.readouterr() == ("", ""), "a library talked to the terminal"


@pytest.mark.parametrize(("name", "codec", "frames"), [("film.mp4", "mpeg4", 5), ("photo.png", "png", 1)])
def test_pictures_are_not_sound(tmp_path, name, codec, frames):
    video(tmp_path / name, codec, frames)
    refused(tmp_path / name, "has no audio stream")


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
@pytest.mark.parametrize("stream", [-1, 1])
def test_stream_out_of_range(tmp_path, suffix, stream):
    path = tmp_path / f"song.{suffix}"
    write_audio(path, sound(0.5), RATE)
    refused(path, f"has no audio stream {stream}; choose one from 0 to 0", stream=stream)


@pytest.mark.parametrize("suffix", CODECS)
def test_offset_after_the_end(tmp_path, suffix):
    path = tmp_path / f"song.{suffix}"
    write_audio(path, sound(0.5), RATE)
    refused(path, "ends before 60 s", offset=60)


@pytest.mark.parametrize("suffix", [*CODECS, "aiff"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_truncated_file(tmp_path, suffix, kept, capfd):
    path = tmp_path / f"song.{suffix}"
    if suffix == "aiff":
        soundfile.write(path, sound(), RATE)
    else:
        write_audio(path, sound(), RATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    refused(path, "cut short|end is missing")
    assert capfd.readouterr() == ("", ""), "a library talked to the terminal"


@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg", "m4a"])
def test_damage_in_the_middle(tmp_path, suffix):
    path = tmp_path / f"song.{suffix}"
    write_audio(path, sound(), RATE)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(2).bytes(400)
    path.write_bytes(data)
    refused(path, "damaged|cut short")


def test_wav_from_a_pipe_states_no_length_and_is_read_to_the_end(tmp_path):
    write_audio(tmp_path / "a.wav", sound(0.2), RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    size = data.find(b"data") + 4
    data[4:8] = data[size : size + 4] = b"\xff" * 4
    (tmp_path / "piped.wav").write_bytes(data)
    np.testing.assert_array_equal(read_audio(tmp_path / "piped.wav")[0], read_audio(tmp_path / "a.wav")[0])


def test_mp3_without_a_stated_length_and_with_tags_is_read(tmp_path):
    write_audio(tmp_path / "a.mp3", sound(), RATE)
    data = (tmp_path / "a.mp3").read_bytes()
    sync = data[data.find(b"\xff\xfb") :][:2]
    first_sound = data.find(sync, data.find(b"Info"))
    (tmp_path / "b.mp3").write_bytes(
        b"ID3\x03\0\0\0\0\x07\x76" + bytes(1014) + data[first_sound:] + b"TAG\xe9\xff\xfc".ljust(128)
    )
    info = probe_audio(tmp_path / "b.mp3")
    assert info.samples is None and info.duration == pytest.approx(3, abs=0.2)
    assert len(read_audio(tmp_path / "b.mp3")[0]) == pytest.approx(3 * RATE, abs=3 * 1152)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers(tmp_path, bad):
    waveform = sound()
    waveform[100_000, 1] = bad
    soundfile.write(tmp_path / "bad.wav", waveform, RATE, subtype="FLOAT")
    refused(tmp_path / "bad.wav", r"sample 100000 \(2\.27 s\) is not a finite number")

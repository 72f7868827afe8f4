"""Encoding: what is written comes back aligned, and a file is there whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocal_unet.audio import CODECS, AudioWriter, probe_audio, read_audio, write_audio
from vocal_unet.audio import encoders as encoders_module
from vocal_unet.audio.writer import parse_bitrate
from vocal_unet.errors import ConfigError, OutputError

RATE = 44100


def music(samples: int, channels: int = 2) -> np.ndarray:
    """Decaying chords with sharp onsets."""
    time = np.arange(samples) / RATE
    envelope = np.exp(-4 * (time % 0.5))
    voices = [sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3)) for hertz in (220.0, 329.6)]
    return (0.25 * envelope[:, None] * np.stack(voices, axis=1)[:, :channels]).astype(np.float32)


def hiss(samples: int, channels: int) -> np.ndarray:
    """Low-passed noise, whose autocorrelation falls off from one sample to the next: any shift in time shows."""
    white = np.random.default_rng(3).normal(0, 0.1, (samples, channels))
    kernel = np.hanning(9)
    return np.stack([np.convolve(white[:, k], kernel, "same") for k in range(channels)], axis=1).astype(np.float32)


def delay(reference: np.ndarray, estimate: np.ndarray) -> int:
    """Samples by which `estimate` comes late, where the cross-correlation of the first channels peaks."""
    size = 2 * max(len(reference), len(estimate))
    spectrum = np.conj(np.fft.rfft(reference[:, 0], size)) * np.fft.rfft(estimate[:, 0], size)
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak if peak < size // 2 else peak - size


def snr(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(reference**2.0) / np.sum((reference - estimate) ** 2.0)))


@pytest.mark.parametrize("codec", ["wav", "flac"])
@pytest.mark.parametrize(("sample_format", "bits"), [("int16", 16), ("int24", 24)])
def test_integers_round_to_nearest_and_clip(tmp_path, codec, sample_format, bits):
    full = 2 ** (bits - 1)
    values = np.array([0, 0.4, 0.6, -0.4, -0.6, 0.5, 1.5, 12345]) / full
    waveform = np.concatenate([values, [1.0, 1.7, -1.0, -9.0]])[:, None].astype(np.float32)
    path = tmp_path / f"a.{codec}"
    with AudioWriter(path, RATE, 1, sample_format=sample_format) as writer:
        writer.write(waveform)
    expected = [0, 0, 1, 0, -1, 0, 2, 12345, full - 1, full - 1, -full, -full]
    np.testing.assert_array_equal(read_audio(path)[0][:, 0] * full, expected)
    assert writer.clipped == 2 and writer.samples == 12


@pytest.mark.parametrize(
    ("codec", "sample_format"),
    [("wav", "int16"), ("wav", "int24"), ("wav", "float32"), ("flac", "int16"), ("flac", "int24")],
)
def test_lossless_round_trip_is_the_identity(tmp_path, codec, sample_format):
    write_audio(tmp_path / f"a.{codec}", music(20_000), RATE, sample_format=sample_format)
    once, _ = read_audio(tmp_path / f"a.{codec}")
    write_audio(tmp_path / f"b.{codec}", once, RATE, sample_format=sample_format)
    np.testing.assert_array_equal(read_audio(tmp_path / f"b.{codec}")[0], once)


def test_float_wav_keeps_samples_beyond_one(tmp_path):
    waveform = np.array([[1.5], [-7.0]], np.float32)
    write_audio(tmp_path / "a.wav", waveform, RATE, sample_format="float32")
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], waveform)


@pytest.mark.parametrize("codec", ["mp3", "ogg", "m4a", "wma"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_lossy_round_trip_has_the_length_and_the_alignment(tmp_path, codec, channels, rate):
    samples = 2 * rate + 123
    waveform = hiss(samples, channels)
    path = tmp_path / f"a.{codec}"
    write_audio(path, waveform, rate, bitrate="160k")
    decoded, decoded_rate = read_audio(path)
    assert decoded_rate == rate and decoded.shape[1] == channels
    if codec == "wma":
        assert samples <= len(decoded) < samples + 4096
        # The last sound is smeared over the rest of its frame; what follows must be fading.
        assert np.max(np.abs(decoded[samples + 1024 :]), initial=0) < 0.25 * np.max(np.abs(waveform))
    else:
        assert len(decoded) == samples and probe_audio(path).samples == samples
    assert delay(waveform, decoded) == 0
    # Measured: 11 dB (ogg, stereo) to 40 dB; a shift by one sample would leave 2 dB.
    assert snr(waveform, decoded[:samples]) > 8


@pytest.mark.parametrize("codec", ["mp3", "m4a", "ogg", "wma"])
def test_bitrate_decides_the_size(tmp_path, codec):
    waveform = np.random.default_rng(0).normal(0, 0.1, (RATE * 4, 2)).astype(np.float32)
    sizes = []
    for bitrate in ("96k", 256_000):
        write_audio(tmp_path / f"a.{codec}", waveform, RATE, bitrate=bitrate)
        sizes.append((tmp_path / f"a.{codec}").stat().st_size)
    assert 2 < sizes[1] / sizes[0] < 3.5


@pytest.mark.parametrize("codec", CODECS)
def test_blocks_of_odd_sizes_give_the_same_sound(tmp_path, codec):
    waveform = music(30_000)
    write_audio(tmp_path / f"whole.{codec}", waveform, RATE)
    with AudioWriter(tmp_path / f"parts.{codec}", RATE, 2) as writer:
        start = 0
        for size in [1, 0, 1151, 7, 20_000, 30_000]:
            writer.write(waveform[start : start + size])
            start += size
    expected, _ = read_audio(tmp_path / f"whole.{codec}")
    np.testing.assert_array_equal(read_audio(tmp_path / f"parts.{codec}")[0], expected)


def test_many_channels_go_into_wav_flac_and_ogg(tmp_path):
    for codec in ("wav", "flac", "ogg"):
        write_audio(tmp_path / f"a.{codec}", np.repeat(music(3000), 3, axis=1), RATE)
        assert probe_audio(tmp_path / f"a.{codec}").channels == 6


def test_codec_wins_over_suffix_and_folders_are_made(tmp_path):
    path = tmp_path / "new" / "folder" / "stem.part"
    write_audio(path, music(1000), RATE, codec="flac")
    assert probe_audio(path).codec == "flac/pcm_16"
    assert os.listdir(path.parent) == ["stem.part"]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("existing", [False, True])
def test_an_interrupted_file_leaves_no_trace(tmp_path, codec, error, existing):
    path = tmp_path / f"a.{codec}"
    if existing:
        path.write_bytes(b"keep me")
    with pytest.raises(error), AudioWriter(path, RATE, 2) as writer:
        writer.write(music(50_000))
        assert len(os.listdir(tmp_path)) == 1 + existing, "the temporary file lies in the same folder"
        raise error
    assert os.listdir(tmp_path) == ([path.name] if existing else [])
    assert not existing or path.read_bytes() == b"keep me"


def test_folders_made_for_files_that_failed_go_with_them(tmp_path):
    (tmp_path / "mine").mkdir()
    new = tmp_path / "mine" / "artist" / "song"
    with (
        pytest.raises(KeyboardInterrupt),
        AudioWriter(new / "a.wav", RATE, 2) as first,
        AudioWriter(new / "b.wav", RATE, 2) as second,
    ):
        first.write(music(100))
        second.write(music(100))
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["mine"] and os.listdir(tmp_path / "mine") == []


def test_existing_file_is_replaced(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"old")
    write_audio(tmp_path / "a.wav", music(100), RATE)
    assert probe_audio(tmp_path / "a.wav").samples == 100 and os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("codec", CODECS)
def test_nothing_written_is_an_error(tmp_path, codec):
    with pytest.raises(OutputError, match="no samples to write"), AudioWriter(tmp_path / f"a.{codec}", RATE, 2):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (np.zeros((4, 3)), r"expects blocks \(samples, 2\), not \(4, 3\)"),
        (np.zeros(4), "expects blocks"),
        (np.array([[0, np.nan]]), "not finite"),
        (np.array([[np.inf, 0]]), "not finite"),
    ],
)
def test_blocks_that_are_no_sound(tmp_path, block, says):
    with pytest.raises(OutputError, match=says), AudioWriter(tmp_path / "a.wav", RATE, 2) as writer:
        writer.write(block)
    assert os.listdir(tmp_path) == []


def test_path_is_a_folder(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(OutputError, match=r"a\.wav: is a folder"):
        write_audio(tmp_path / "a.wav", music(10), RATE)
    assert os.listdir(tmp_path) == ["a.wav"]


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"cannot be written .*(Not a directory|File exists)"):
        write_audio(tmp_path / "file" / "a.wav", music(10), RATE)


def test_folder_without_permission(tmp_path, monkeypatch):
    def denied(self, *arguments, **keywords):
        raise PermissionError(13, "Permission denied")

    # Taking the permission away would not stop a test that runs as root.
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(OutputError, match=r"a\.wav: cannot be written .*\(Permission denied\)"):
        write_audio(tmp_path / "a.wav", music(10), RATE)
    assert os.listdir(tmp_path) == []


FULL_DISK = """
import os, resource, signal, sys
import numpy as np
from vocal_unet.audio import write_audio
from vocal_unet.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write_audio(sys.argv[1], np.random.default_rng(0).uniform(-1, 1, (200_000, 2)), 44100)
except OutputError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX thing")
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("limit", [0, 20_000])
def test_full_disk(tmp_path, codec, limit):
    path = tmp_path / f"a.{codec}"
    process = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(limit)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.returncode == 1 and process.stderr.startswith(f"{path}: cannot be written"), process.stderr
    assert process.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_wav_larger_than_its_size_field(tmp_path, monkeypatch):
    monkeypatch.setattr(encoders_module, "WAV_BYTES", 4 * 1000)
    write_audio(tmp_path / "a.wav", music(1000), RATE)
    with pytest.raises(OutputError, match=r"b\.wav: a wav file holds at most 4 GiB"):
        write_audio(tmp_path / "b.wav", music(1001), RATE)
    assert os.listdir(tmp_path) == ["a.wav"]


def test_sample_rate_the_codec_does_not_have(tmp_path):
    with pytest.raises(OutputError, match=r"takes no sample rate of 96000 Hz, only 8000, .*48000"):
        write_audio(tmp_path / "a.mp3", music(1000), 96000)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("a", {}, "use one of wav, flac"),
        ("a.xyz", {}, "'xyz'"),
        ("a.wav", {"codec": "opus"}, "'opus'"),
        ("a.wav", {"sample_format": "int8"}, "sample_format"),
        ("a.flac", {"sample_format": "float32"}, "flac holds"),
        ("a.mp3", {"channels": 3}, "1 or 2 channels"),
        ("a.wav", {"channels": 0}, "channels"),
        ("a.wav", {"sample_rate": 0}, "sample_rate"),
        ("a.mp3", {"bitrate": "lots"}, "bitrate"),
        ("a.mp3", {"bitrate": 128}, "bitrate"),
    ],
)
def test_settings_are_checked_before_anything_is_opened(tmp_path, name, arguments, says):
    with pytest.raises(ConfigError, match=says):
        AudioWriter(tmp_path / name, **{"sample_rate": RATE, "channels": 2, **arguments})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("text", "bits"), [(None, 128_000), ("128k", 128_000), ("192K", 192_000), (96_000, 96_000)])
def test_bitrates(text, bits):
    assert parse_bitrate(text) == bits


def test_a_foreign_reader_sees_the_same_file(tmp_path):
    write_audio(tmp_path / "a.ogg", music(20_000), RATE)
    write_audio(tmp_path / "a.mp3", music(20_000), RATE)
    for name in ("a.ogg", "a.mp3"):
        assert soundfile.info(tmp_path / name).frames == 20_000

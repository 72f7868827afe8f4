"""Decoding: every rate, channel count and sample format comes out as the float32 samples that went in."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocal_unet.audio import decode_blocks, probe_audio, read_audio, write_audio
from vocal_unet.audio.resample import Resampler
from vocal_unet.errors import AudioError, ConfigError

RATE = 44100


def noise(samples: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (samples, channels)).astype(np.float32)


def tone(samples: int, rate: int, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.float32)


def snr(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(reference**2.0) / np.sum((reference - estimate) ** 2.0)))


@pytest.fixture(scope="module")
def clip() -> Path:
    """The MUSDB18 clip that stempeg ships: five AAC streams, of which the first is the mixture."""
    spec = importlib.util.find_spec("stempeg")
    assert spec is not None and spec.submodule_search_locations
    return next(Path(spec.submodule_search_locations[0]).glob("data/*.stem.mp4"))


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        ("wav", "PCM_U8", 1 / 128),
        ("wav", "PCM_16", 1 / 2**15),
        ("wav", "PCM_24", 1 / 2**23),
        ("wav", "PCM_32", 2**-24),
        ("wav", "FLOAT", 0),
        ("wav", "DOUBLE", 0),
        ("flac", "PCM_16", 1 / 2**15),
        ("flac", "PCM_24", 1 / 2**23),
        ("aiff", "PCM_16", 1 / 2**15),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_lossless_files_give_the_samples_that_were_written(tmp_path, suffix, subtype, tolerance, channels):
    waveform = noise(5000, channels)
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, waveform, 48000, subtype=subtype)
    decoded, rate = read_audio(path)
    assert rate == 48000 and decoded.dtype == np.float32
    np.testing.assert_allclose(decoded, waveform, rtol=0, atol=tolerance)
    info = probe_audio(path)
    assert (info.sample_rate, info.channels, info.samples, info.streams) == (48000, channels, 5000, 1)
    assert info.codec.endswith(subtype.lower()) and info.duration == pytest.approx(5000 / 48000)


def test_integers_are_scaled_by_powers_of_two(tmp_path):
    values = np.array([[-32768], [-1], [0], [1], [32767]], np.int16)
    soundfile.write(tmp_path / "a.wav", values, RATE)
    decoded, _ = read_audio(tmp_path / "a.wav")
    np.testing.assert_array_equal(decoded[:, 0] * 32768, values[:, 0])


def test_the_suffix_does_not_matter(tmp_path):
    write_audio(tmp_path / "a.wav", noise(1000), RATE)
    expected, _ = read_audio(tmp_path / "a.wav")
    for name in ("a.mp3", "b.raw", "no suffix", "100:%d;é.m4a"):
        (tmp_path / name).write_bytes((tmp_path / "a.wav").read_bytes())
        np.testing.assert_array_equal(read_audio(tmp_path / name)[0], expected)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 48000, 96000, 192000])
@pytest.mark.parametrize("samples", [1, 10, 999, 100_001])
def test_resampling_keeps_length_and_time(tmp_path, rate, samples):
    hertz = 440.0
    soundfile.write(tmp_path / "a.wav", tone(samples, rate, hertz), rate, subtype="FLOAT")
    decoded, decoded_rate = read_audio(tmp_path / "a.wav", sample_rate=RATE)
    assert decoded_rate == RATE
    assert len(decoded) == max(1, round(samples * RATE / rate))
    if samples > 10_000:
        inner = slice(500, len(decoded) - 500)
        # The filter's pass band is flat to about 1e-4; one sample of delay would give an error of 3e-2.
        assert np.max(np.abs(decoded[inner, 0] - tone(len(decoded), RATE, hertz)[inner])) < 2e-4


@pytest.mark.parametrize("block", [1, 441, 5000])
def test_resampling_does_not_depend_on_the_blocks(block):
    waveform = noise(5000, 3)
    whole, parts = Resampler(48000, RATE, 3), Resampler(48000, RATE, 3)
    expected = np.concatenate([whole.process(waveform), whole.flush()])
    pieces = [parts.process(waveform[start : start + block]) for start in range(0, len(waveform), block)]
    np.testing.assert_array_equal(np.concatenate([*pieces, parts.flush()]), expected)


def test_channels_are_made_as_spleeter_makes_them(tmp_path):
    for there in (1, 2, 6):
        write_audio(tmp_path / f"{there}.wav", noise(300, there), RATE, sample_format="float32")
    mono, six = read_audio(tmp_path / "1.wav")[0], read_audio(tmp_path / "6.wav")[0]
    np.testing.assert_array_equal(read_audio(tmp_path / "1.wav", channels=2)[0], np.repeat(mono, 2, axis=1))
    np.testing.assert_array_equal(read_audio(tmp_path / "6.wav", channels=2)[0], six[:, :2])
    np.testing.assert_allclose(read_audio(tmp_path / "6.wav", channels=1)[0][:, 0], six.mean(axis=1), atol=1e-6)
    with pytest.raises(AudioError, match=r"2\.wav: has 2 channels, 6 are needed"):
        read_audio(tmp_path / "2.wav", channels=6)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a", "wma"])
@pytest.mark.parametrize("block", [1, 333, 4096, 20_000])
def test_blocks_of_any_size_join_to_the_whole(tmp_path, suffix, block):
    path = tmp_path / f"a.{suffix}"
    write_audio(path, noise(10_000), RATE)
    expected, _ = read_audio(path)
    blocks = list(decode_blocks(path, block_samples=block))
    assert [len(part) for part in blocks[:-1]] == [block] * (len(blocks) - 1) and 0 < len(blocks[-1]) <= block
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a", "wma"])
@pytest.mark.parametrize("start", [0, 1, 1151, 22_050, 40_001, 87_999])
def test_offset_and_duration_are_exact_to_the_sample(tmp_path, suffix, start):
    path = tmp_path / f"a.{suffix}"
    write_audio(path, np.stack([tone(88_000, RATE), tone(88_000, RATE, 1234.5)], axis=1), RATE, bitrate="256k")
    whole, _ = read_audio(path)
    part, _ = read_audio(path, offset=start / RATE, duration=3000 / RATE)
    np.testing.assert_array_equal(part, whole[start : start + 3000])


def test_offset_counts_at_the_rate_of_the_file(tmp_path):
    write_audio(tmp_path / "a.wav", noise(48_000), 48_000)
    whole, _ = read_audio(tmp_path / "a.wav")
    soundfile.write(tmp_path / "b.wav", whole[24_000:36_000], 48_000, subtype="FLOAT")
    part, _ = read_audio(tmp_path / "a.wav", offset=0.5, duration=0.25, sample_rate=RATE)
    np.testing.assert_array_equal(part, read_audio(tmp_path / "b.wav", sample_rate=RATE)[0])


def test_the_five_streams_of_a_musdb_clip(clip):
    streams = [read_audio(clip, stream=stream)[0] for stream in range(5)]
    assert [stream.shape for stream in streams] == [(268_288, 2)] * 5
    info = probe_audio(clip, stream=4)
    assert (info.streams, info.samples, info.codec, info.sample_rate) == (5, 268_288, "aac", RATE)
    # AAC is lossy and each stream is coded by itself: 23 dB were measured. The clip was cut out of a longer AAC file,
    # so its first and last frame are incomplete in all streams.
    inner = slice(4096, -4096)
    assert snr(streams[0][inner], sum(streams[1:])[inner]) > 20


@pytest.mark.parametrize("start", [500, 20_000, 150_001, 268_287])
def test_jumping_into_a_clip_gives_the_samples_of_a_run_from_the_start(clip, start):
    whole, _ = read_audio(clip, stream=2)
    part, _ = read_audio(clip, stream=2, offset=start / RATE, duration=0.1)
    np.testing.assert_array_equal(part, whole[start : start + 4410])


@pytest.mark.parametrize(
    "arguments",
    [
        {"sample_rate": 0},
        {"channels": 0},
        {"offset": -1},
        {"offset": float("nan")},
        {"duration": 0},
        {"duration": float("inf")},
        {"block_samples": 0},
    ],
)
def test_arguments_out_of_range_are_refused_at_once(arguments):
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        decode_blocks("never-opened.wav", **arguments)

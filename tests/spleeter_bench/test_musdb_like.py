"""The generated data set in MUSDB18's layouts: read by the benchmark, and by musdb itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from spleeter_bench.tracks import find_tracks
from tests.conftest import snr
from vocal_unet import probe_audio, read_audio

TOOL = Path(__file__).parents[2] / "tools" / "make_musdb_like"
SAMPLES = round(2.5 * 44100)

# musdb asks ffprobe for every file and ffmpeg for samples. These do what it asks, decoding with PyAV, so that musdb's
# own code runs on a machine without the two programs.
FFPROBE = """
import json, sys
from vocal_unet import probe_audio
path = sys.argv[-1]
info = probe_audio(path)
stream = dict(codec_type="audio", sample_rate=str(info.sample_rate), channels=info.channels,
              duration_ts=info.samples, duration=str(info.samples / info.sample_rate))
print(json.dumps(dict(streams=[dict(stream, index=number) for number in range(info.streams)])))
"""
FFMPEG = """
import sys
import numpy as np
from vocal_unet import read_audio
words = sys.argv[1:]
stream = int(words[words.index("-map") + 1].split(":")[1])
assert words[words.index("-f") + 1] == "s16le", words
waveform, _ = read_audio(words[words.index("-i") + 1], stream=stream)
sys.stdout.buffer.write(np.clip(np.rint(waveform * 32768), -32768, 32767).astype("<i2").tobytes())
"""
ASK_MUSDB = """
import json, sys
import musdb
root, is_wav = sys.argv[1], sys.argv[2] == "wav"
found = {subset: musdb.DB(root=root, is_wav=is_wav, subsets=subset) for subset in ("train", "test")}
valid = musdb.DB(root=root, is_wav=is_wav, subsets="train", split="valid")
track = found["test"][0]
targets = {name: target.audio for name, target in track.targets.items()}
print(json.dumps(dict(
    names={subset: [t.name for t in db] for subset, db in found.items()},
    valid=[t.name for t in valid],
    artist_title=[track.artist, track.title],
    sources=sorted(track.sources), rate=track.rate, samples=track.samples,
    shapes=[list(audio.shape) for audio in targets.values()],
    mixture_gap=float(((targets["linear_mixture"] - track.audio) ** 2).sum() / (track.audio ** 2).sum()),
    accompaniment_gap=float(abs(targets["accompaniment"] + targets["vocals"] - targets["linear_mixture"]).max()),
)))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("musdb like")
    arguments = ["--train", "2", "--test", "2", "--seconds", "2.5"]
    subprocess.run([sys.executable, str(TOOL), str(folder), *arguments], check=True)
    return folder


def best_shift(reference: np.ndarray, estimate: np.ndarray) -> int:
    """By how many samples the estimate is late, from the cross-correlation of both channels' sum."""
    size = 1 << 18
    spectra = [np.fft.rfft(waveform.sum(axis=1), size) for waveform in (reference, estimate)]
    shift = int(np.argmax(np.fft.irfft(np.conj(spectra[0]) * spectra[1])))
    return shift - size if shift > size // 2 else shift


def test_both_layouts_hold_the_same_songs(data: Path) -> None:
    stems, hq = find_tracks([f"musdb:{data / 'stems'}"]), find_tracks([f"musdb:{data / 'hq'}"])
    assert [track.name for track in stems] == ["Generated Band - Test Song 01", "Generated Band - Test Song 02"]
    assert [track.name for track in hq] == [track.name for track in stems]
    assert {track.samples for track in (*stems, *hq)} == {SAMPLES}
    for lossy, exact in zip(stems, hq, strict=True):
        one, other = lossy.load(), exact.load()
        for mine, theirs in (
            (one.mixture, other.mixture),
            *zip(one.references.values(), other.references.values(), strict=True),
        ):
            assert best_shift(theirs, mine) == 0
            # FFmpeg's AAC loses more in transients than in tones; another stem in this place would give 0 dB
            assert snr(theirs, mine) > 10
        # 16-bit stems add up to the 16-bit mixture exactly
        np.testing.assert_allclose(sum(other.references.values()), other.mixture, atol=1e-7)
    first, second = (track.load().mixture for track in hq)
    assert not np.array_equal(first, second)


def test_stem_files_have_five_stereo_streams_of_one_length(data: Path) -> None:
    path = data / "stems" / "train" / "Actions - One Minute Smile.stem.mp4"
    info = probe_audio(path)
    assert (info.streams, info.channels, info.sample_rate, info.codec, info.samples) == (5, 2, 44100, "aac", SAMPLES)
    assert {read_audio(path, stream=stream)[0].shape for stream in range(5)} == {(SAMPLES, 2)}


def test_the_same_seed_gives_the_same_songs(data: Path, tmp_path: Path) -> None:
    arguments = ["--train", "0", "--test", "1", "--seconds", "2.5", "--layout", "hq", "--seed", "2"]
    subprocess.run([sys.executable, str(TOOL), str(tmp_path), *arguments], check=True)
    made, again = (root / "test" / "Generated Band - Test Song 01" / "vocals.wav" for root in (data / "hq", tmp_path))
    assert made.read_bytes() == again.read_bytes()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = subprocess.run([sys.executable, str(TOOL), str(tmp_path / "file")], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and "file" in done.stderr


@pytest.mark.parametrize("layout", ["stems", "hq"])
def test_musdb_itself_accepts_it(data: Path, tmp_path: Path, layout: str) -> None:
    for program, code in (("ffprobe", FFPROBE), ("ffmpeg", FFMPEG)):
        path = tmp_path / program
        path.write_text(f"#!{sys.executable}\n{textwrap.dedent(code)}", encoding="utf-8")
        path.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(TOOL.parents[1]), *filter(None, sys.path)]),
    }
    kind = "wav" if layout == "hq" else "stems"
    command = [sys.executable, "-c", ASK_MUSDB, str(data / layout), kind]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    training = ["Actions - One Minute Smile", "Generated Band - Training Song 01"]
    testing = ["Generated Band - Test Song 01", "Generated Band - Test Song 02"]
    assert answer["names"] == {"train": training, "test": testing}
    assert answer["valid"] == training[:1]
    assert answer["artist_title"] == ["Generated Band", "Test Song 01"]
    assert answer["sources"] == ["bass", "drums", "other", "vocals"]
    assert (answer["rate"], answer["samples"]) == (44100, SAMPLES)
    assert answer["shapes"] == [[SAMPLES, 2]] * 6
    # as energies: exact sums of 16-bit samples in HQ; in AAC every stream has losses of its own, chiefly in transients
    assert answer["mixture_gap"] < (1e-9 if layout == "hq" else 0.1)
    assert answer["accompaniment_gap"] < 1e-6

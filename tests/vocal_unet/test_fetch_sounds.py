"""Sounds for training out of Debian's packages: fetched from a server, checked, music cut to its middle, each package once."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.file_server import serving
from vocal_unet.data.sources import open_songs

TOOLS = Path(__file__).parents[2] / "tools"
RATE = 8000


def ogg(seconds: float) -> bytes:
    """A tone that is louder the later it is, so that its middle can be told."""
    time = np.arange(round(seconds * RATE)) / RATE
    sound = io.BytesIO()
    soundfile.write(sound, 0.5 * time / seconds * np.sin(2 * np.pi * 440 * time), RATE, format="OGG")
    return sound.getvalue()


def deb(files: dict[str, bytes]) -> bytes:
    """A Debian package as dpkg-deb makes it: an ar archive of three members, the last one a compressed tar archive."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./usr/share/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    package = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data.getvalue())):
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        package += header + content + b"\n" * (len(content) % 2)
    return package


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """The address of a local server, the folder it serves, and what it was asked for."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    with serving(folder) as (address, asked):
        yield address, folder, asked


def run(folder: Path, address: str, listed: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, TOOLS / "fetch_sounds", listed, folder, "--mirror", address]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def listed(path: Path, content: bytes, cut: list[int] | None, **changes: object) -> Path:
    """A list of one package, as a file."""
    entry = {
        "package": "game-data_1.0_all.deb",
        "sha256": hashlib.sha256(content).hexdigest(),
        "by": "A. Composer",
        "licence": "CC0 1.0",
        "files": ["*/music/[ljs]*.ogg", "*/guitar.ogg"],
        **changes,
    }
    path.write_text(json.dumps({"cut_seconds": cut, "packages": [entry]}))
    return path


def test_the_middle_of_music_comes_out_of_a_package_once(tmp_path, mirror):
    address, folder, asked = mirror
    files = {
        "game/music/long.ogg": ogg(130),
        "game/music/short.ogg": ogg(30),
        "game/music/jingle.ogg": ogg(3),
        "game/music/other.ogg": ogg(30),
        "songs/one/guitar.ogg": ogg(21),
        "songs/two/guitar.ogg": ogg(21),
    }
    package = deb(files)
    (folder / "game-data_1.0_all.deb").write_bytes(package)
    music = listed(tmp_path / "music.json", package, [20, 120])
    result = tmp_path / "music"
    first = run(result, address, music)
    assert first.returncode == 0, first.stderr
    assert first.stdout == "game-data: 4 files by A. Composer (CC0 1.0)\n"
    share = result / "game-data" / "usr" / "share"
    lengths = {str(path.relative_to(share)): soundfile.info(path) for path in share.rglob("*.flac")}
    assert sorted(path.name for path in result.glob("[!.]*")) == ["game-data"]
    assert not list(result.glob(".*deb*"))
    assert {info.samplerate for info in lengths.values()} == {44100}
    assert {info.channels for info in lengths.values()} == {2}
    seconds = {name: info.duration for name, info in lengths.items()}
    expected = {"game/music/long": 120, "game/music/short": 30, "songs/one/guitar": 21, "songs/two/guitar": 21}
    assert seconds == pytest.approx({f"{name}.flac": length for name, length in expected.items()}, abs=0.01)
    # Of 130 seconds that grow louder from 0 to 1, the first of the middle 120 has 5/130, the last 125/130.
    cut = soundfile.read(share / "game" / "music" / "long.flac")[0]
    assert np.abs(cut[:4410]).max() == pytest.approx(0.5 * 5 / 130, rel=0.1)
    assert np.abs(cut[-4410:]).max() == pytest.approx(0.5 * 125 / 130, rel=0.1)
    assert len(open_songs(f"loose:other:{result}+generated:1:0:1").songs) == 5
    before = len(asked)
    assert run(result, address, music).stdout == ""
    assert len(asked) == before


def test_speech_is_kept_as_it_is(tmp_path, mirror):
    address, folder, _ = mirror
    spoken = ogg(1)
    package = deb({"sounds/speaker/digits/one.ogg": spoken})
    (folder / "game-data_1.0_all.deb").write_bytes(package)
    speech = listed(tmp_path / "speech.json", package, None, files=["*/speaker/*.ogg"])
    assert run(tmp_path / "speech", address, speech).returncode == 0
    kept = tmp_path / "speech" / "game-data" / "usr" / "share" / "sounds" / "speaker" / "digits" / "one.ogg"
    assert kept.read_bytes() == spoken


def test_another_file_than_the_list_names_ends_in_one_line(tmp_path, mirror):
    address, folder, _ = mirror
    package = deb({"game/music/long.ogg": ogg(21)})
    (folder / "game-data_1.0_all.deb").write_bytes(package)
    for change, said in (({"sha256": "0" * 64}, "does not have the SHA-256"), ({"package": "gone_1_all.deb"}, "404")):
        ended = run(tmp_path / "music", address, listed(tmp_path / "music.json", package, [20, 120], **change))
        assert ended.returncode == 1
        assert said in ended.stderr
        assert ended.stderr.count("\n") == 1
        assert not list((tmp_path / "music").rglob("*.flac"))


@pytest.mark.parametrize("name", ["music", "speech"])
def test_a_list_names_checksums_authors_and_licences_that_allow_training(name):
    for entry in json.loads((TOOLS / f"{name}.json").read_text())["packages"]:
        assert len(entry["sha256"]) == 64
        assert entry["by"]
        assert entry["licence"].startswith(("CC BY", "CC0"))
        assert entry["files"]


@pytest.mark.parametrize("content", [b"not JSON", b"[]", b"{}", b"\xff\xfe", None], ids=repr)
def test_what_is_no_list_ends_in_one_line(tmp_path, content):
    path = tmp_path / "list.json"
    if content is not None:
        path.write_bytes(content)
    ended = run(tmp_path / "music", "http://127.0.0.1:9", path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ") and str(path) in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "music").exists()

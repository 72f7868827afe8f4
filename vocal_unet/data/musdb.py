"""MUSDB18 (stem files), MUSDB18-HQ (wav) and its seven-second sample, read without an ffmpeg binary."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from vocal_unet.data.songs import Clip, FileSong, Song
from vocal_unet.errors import DataError

STEM_MP4 = ".stem.mp4"


@cache
def setup() -> Mapping[str, Any]:
    """musdb's own description of the data set; the package itself cannot be imported without an ffmpeg binary."""
    import yaml

    spec = importlib.util.find_spec("musdb")
    if spec is None or not spec.submodule_search_locations:
        raise DataError("the package musdb is not installed; install it to use MUSDB18")
    path = Path(spec.submodule_search_locations[0]) / "configs" / "mus.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def musdb_songs(root: Path, subset: str = "train") -> list[Song]:
    """The songs of a subset, stem files or HQ folders, whichever is there; those on musdb's list are for validation.

    Raises:
        DataError: there is no such folder, or no songs in it.
    """
    folder = root / subset
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; MUSDB18 and MUSDB18-HQ have a folder named {subset}")
    files = sorted(path for path in folder.glob(f"*{STEM_MP4}") if not path.name.startswith("."))
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    songs: list[Song] = [_stem_file(path) for path in files] or [_hq_folder(path) for path in folders]
    if not songs:
        raise DataError(f"{folder}: no songs; expected *{STEM_MP4} files or a folder with wav files per song")
    return songs


def _stem_file(path: Path) -> FileSong:
    streams, name = setup()["stem_ids"], path.name.removesuffix(STEM_MP4)
    files = {stem: Clip(path, streams[stem]) for stem in setup()["sources"]}
    return FileSong(name, files, Clip(path, streams["mixture"]), _split(name))


def _hq_folder(folder: Path) -> FileSong:
    files = {stem: Clip(folder / name) for stem, name in setup()["sources"].items()}
    mixture = folder / setup()["mixture"]
    return FileSong(folder.name, files, Clip(mixture) if mixture.is_file() else None, _split(folder.name))


def _split(name: str) -> str:
    return "validation" if name in setup()["validation_tracks"] else "train"


def sample_folder() -> Path:
    """MUSDB18's free excerpts of seven seconds, downloaded once to the user's cache folder (140 MB).

    musdb publishes no checksum; the archive's own ones are checked while unpacking.

    Raises:
        DataError: the download failed or is no such archive.
    """
    import pooch
    import requests

    folder = Path(os.environ.get("MUSDB_PATH") or pooch.os_cache("vocal-unet") / "MUSDB18-7").expanduser()
    if (folder / "train").is_dir():
        return folder
    url = setup()["sample-url"]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".musdb-", dir=folder.parent) as temporary:
            downloader = pooch.HTTPDownloader(timeout=30)
            archive = pooch.retrieve(url, known_hash=None, fname="sample.zip", path=temporary, downloader=downloader)
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(Path(temporary) / "unpacked")
            found = next((p.parent for p in sorted(Path(temporary, "unpacked").rglob("train")) if p.is_dir()), None)
            if found is None:
                raise DataError(f"{url}: holds no folder named train; the sample has been changed")
            os.replace(found, folder)
    except (OSError, requests.RequestException, ValueError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise DataError(
            f"MUSDB18's sample could not be fetched from {url} ({reason}); unpack it to {folder} yourself, or use "
            "generated:8"
        ) from error
    return folder

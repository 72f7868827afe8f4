"""Where Spleeter's weights are on this machine, and how they get there."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from vocal_unet.errors import WeightsUnavailableError

SHA256 = {
    "2stems": "f3a90b39dd2874269e8b05a48a86745df897b848c61f3958efc80a39152bd692",
    "4stems": "3adb4a50ad4eb18c7c4d65fcf4cf2367a07d48408a5eb7d03cd20067429dfaa8",
    "5stems": "25a1e87eb5f75cc72a4d2d5467a0a50ac75f05611f877c278793742513cc7218",
}
SOURCE_FILE = ".source.json"
"""Beside a checkpoint: where it came from, so that no table calls random weights Deezer's."""


def models_folder() -> Path:
    """Where model folders are kept: `$MODEL_PATH` as in Spleeter, else the user's cache folder."""
    if "MODEL_PATH" in os.environ:
        return Path(os.environ["MODEL_PATH"])
    import pooch

    return Path(pooch.os_cache("vocal-unet")) / "pretrained_models"


def release_url(name: str) -> str:
    """Address of a published archive, with Spleeter's environment variables honoured."""
    host = os.environ.get("GITHUB_HOST", "https://github.com")
    repository = os.environ.get("GITHUB_REPOSITORY", "deezer/spleeter")
    return f"{host}/{repository}/releases/download/{os.environ.get('GITHUB_RELEASE', 'v1.4.0')}/{name}.tar.gz"


def weights_folder(model_dir: str) -> Path:
    """The folder of a model's checkpoint; published weights are fetched when they are not there.

    Raises:
        WeightsUnavailableError: the folder is not there and the name is not a published one, or the download failed.
    """
    folder = models_folder() / model_dir
    if folder.is_dir() and any(folder.glob("*.index")):
        return folder
    if model_dir not in SHA256:
        raise WeightsUnavailableError(
            f"{folder}: no checkpoint there, and {model_dir!r} is not a published model to fetch"
        )
    fetch(model_dir, folder)
    return folder


def weights_source(folder: Path) -> str:
    """Where the checkpoint in `folder` came from, in words for a label."""
    try:
        source = json.loads((folder / SOURCE_FILE).read_text(encoding="utf-8"))["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{folder}, origin unknown"
    return "generated random weights" if source == "generated" else str(source)


def fetch(name: str, folder: Path) -> None:
    """Download, check and unpack a published archive into `folder`, which appears only when it is complete.

    Raises:
        WeightsUnavailableError: the download failed, did not match its checksum, or could not be unpacked.
    """
    import pooch
    import requests

    url = release_url(name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as temporary:
            archive = pooch.retrieve(
                url,
                known_hash=f"sha256:{SHA256[name]}",
                fname="archive.tar.gz",
                path=temporary,
                downloader=pooch.HTTPDownloader(timeout=30),
            )
            unpacked = Path(temporary) / "unpacked"
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
            (unpacked / SOURCE_FILE).write_text(
                json.dumps({"source": "Deezer release v1.4.0", "url": url}), encoding="utf-8"
            )
            if folder.is_dir():
                shutil.rmtree(folder)
            os.replace(unpacked, folder)
    except (OSError, requests.RequestException, ValueError, tarfile.TarError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise WeightsUnavailableError(
            f"Spleeter's {name} weights are not in {folder} and could not be fetched from {url} ({reason}); "
            f"on a machine without internet, unpack {name}.tar.gz there"
        ) from error

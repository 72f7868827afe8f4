"""Where Spleeter's weights are on this machine, and how they get there: fetched, or imported from a folder or an archive."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vocal_unet.errors import ConfigError, WeightsUnavailableError
from vocal_unet.lock import locked
from vocal_unet.spleeter.archives import unpack_model
from vocal_unet.spleeter.configuration import SpleeterModel
from vocal_unet.spleeter.converted import convert, has_checkpoint, is_converted
from vocal_unet.spleeter.download import DownloadProgress, download, fetch_json

SHA256 = {
    "2stems": "f3a90b39dd2874269e8b05a48a86745df897b848c61f3958efc80a39152bd692",
    "4stems": "3adb4a50ad4eb18c7c4d65fcf4cf2367a07d48408a5eb7d03cd20067429dfaa8",
    "5stems": "25a1e87eb5f75cc72a4d2d5467a0a50ac75f05611f877c278793742513cc7218",
}
DEEZER = "Deezer release v1.4.0"
HOST, REPOSITORY, RELEASE = "https://github.com", "deezer/spleeter", "v1.4.0"
SOURCE_FILE = ".source.json"
"""Beside a checkpoint: where it came from, so that no table calls random weights Deezer's."""
PROBE_FILE = ".probe"
"""What the original Spleeter leaves in a model folder that it has completed."""
GENERATED = "generated"


def models_folder() -> Path:
    """Where model folders are kept: `$MODEL_PATH` as in Spleeter, else the user's cache folder."""
    if "MODEL_PATH" in os.environ:
        return Path(os.environ["MODEL_PATH"])
    import pooch

    return Path(pooch.os_cache("vocal-unet")) / "pretrained_models"


def model_folder(model: SpleeterModel) -> Path:
    """Where the weights of a model belong, whether they are there or not; as in Spleeter an absolute `model_dir` stands."""
    return models_folder() / model.model_dir


def weights_folder(model: SpleeterModel, progress: DownloadProgress | None = None) -> Path:
    """The folder of a model's weights; weights that can be fetched are fetched when they are not there.

    Raises:
        WeightsUnavailableError: they are not there and are none to fetch, or the download failed.
        ModelError: what was downloaded does not fit the model.
    """
    folder = model_folder(model)
    if not has_checkpoint(folder):
        fetch(model, progress)
    return folder


def weights_source(folder: Path) -> str:
    """Where the checkpoint in `folder` came from, in words for a label."""
    try:
        source = json.loads((folder / SOURCE_FILE).read_text(encoding="utf-8"))["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{folder}, origin unknown"
    return "generated random weights" if source == GENERATED else str(source)


def release_url(file: str) -> str:
    """Address of a file of the release, with Spleeter's environment variables honoured."""
    host, repository, release = _release()
    return f"{host}/{repository}/releases/download/{release}/{file}"


def fetch(model: SpleeterModel, progress: DownloadProgress | None = None) -> Path:
    """Download, check, unpack and convert the weights of a model; its folder appears only when it is complete.

    Where the weights are there already nothing is downloaded; a missing or outdated conversion is made. An interrupted
    download goes on where it stopped. Of several processes one downloads while the others wait for it.

    Deezer's archives have the checksums pinned here, whatever host they come from. Those of another repository or release
    (GITHUB_REPOSITORY, GITHUB_RELEASE) have those of that release's `checksum.json`, as in Spleeter.

    Raises:
        WeightsUnavailableError: there is nothing to fetch under that name, the download failed or has another checksum, or
            the folder cannot be written to.
        ModelError: the archive is unsafe, or its checkpoint does not fit the model.
    """
    name, folder = model.model_dir, model_folder(model)
    with _one_line_errors(folder):
        if has_checkpoint(folder) and is_converted(folder, model):
            return folder  # without a lock, which a read-only folder could not hold
        _require_fetchable(name, folder)
        with locked(folder.parent / f".{name}.lock"):
            if has_checkpoint(folder):
                _convert_if_needed(folder, model)
                return folder
            sha256 = _checksum(name)
            url = release_url(f"{name}.tar.gz")
            archive = download(url, folder.parent / f".{name}.tar.gz", sha256, progress)
            try:
                _install(archive, model, DEEZER if sha256 == SHA256.get(name) else _other_release(), url)
            finally:
                archive.unlink()
    return folder


def import_model(origin: Path, model: SpleeterModel, *, replace: bool = False) -> Path:
    """Copy the weights of a model from an archive or a model folder to where they belong, check and convert them.

    Args:
        origin: Deezer's `NAME.tar.gz` or another archive, or a folder with a checkpoint; it is left as it is.
        model: what the weights are for.
        replace: take the place of weights that are there.

    Raises:
        ConfigError: there is no such archive or folder, or weights are there already and `replace` was not asked for.
        ModelError: the archive is unsafe or damaged, or its checkpoint does not fit the model.
        WeightsUnavailableError: the folder cannot be written to.
    """
    folder = model_folder(model)
    if not origin.exists():
        raise ConfigError(f"{origin}: no such file or folder")
    if origin.is_dir() and not has_checkpoint(origin):
        raise ConfigError(f"{origin}: holds no Spleeter checkpoint (model.index, model.data-…)")
    with _one_line_errors(folder), locked(folder.parent / f".{folder.name}.lock"):
        if folder.is_dir() and origin.resolve() == folder.resolve():
            _convert_if_needed(folder, model)
            return folder
        if has_checkpoint(folder) and not replace:
            raise ConfigError(f"{folder}: has weights already; use --force to replace them")
        published = origin.is_file() and _sha256(origin) == SHA256.get(model.model_dir)
        _install(origin, model, DEEZER if published else f"imported from {origin.name}, origin unknown", str(origin))
    return folder


def _install(origin: Path, model: SpleeterModel, source: str, url: str) -> None:
    """Make the model folder beside its place, complete and checked, then rename it; the caller holds the lock."""
    folder = model_folder(model)
    staged, replaced = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("new", "old"))
    # Whoever was killed here before left something; the lock says that nobody is at work on it now.
    for leftover in (staged, replaced):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        if origin.is_dir():
            _copy_model(origin, staged)
        else:
            unpack_model(origin, staged)
        if source == DEEZER or not _may_keep_source(staged, origin):
            (staged / SOURCE_FILE).write_text(json.dumps({"source": source, "url": url}), encoding="utf-8")
        (staged / PROBE_FILE).write_text("OK", encoding="ascii")
        convert(staged, model)
        if folder.is_dir():
            _require_replaceable(folder)
            os.replace(folder, replaced)
        os.replace(staged, folder)
    finally:
        for leftover in (staged, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


def _copy_model(origin: Path, staged: Path) -> None:
    """Copy the files of a model folder, following links; a converted file is made anew, training logs stay behind."""
    staged.mkdir()
    for file in origin.iterdir():
        checkpoint = file.name == "checkpoint" or ".index" in file.name or ".data-" in file.name
        if file.is_file() and not file.name.startswith("._") and (checkpoint or file.name == SOURCE_FILE):
            shutil.copyfile(file, staged / file.name)


def _convert_if_needed(folder: Path, model: SpleeterModel) -> None:
    if not is_converted(folder, model):
        convert(folder, model)


def _require_replaceable(folder: Path) -> None:
    """Spleeter leaves empty folders behind; anything but those and models is somebody's own."""
    others = [path.name for path in folder.iterdir() if path.name != PROBE_FILE]
    if others and not has_checkpoint(folder):
        raise ConfigError(f"{folder}: holds something else than a model ({sorted(others)[0]}); move it away")


def _require_fetchable(name: str, folder: Path) -> None:
    simple = name == Path(name).name and name not in ("", ".", "..")
    elsewhere = _release()[1:] != (REPOSITORY, RELEASE)
    if not has_checkpoint(folder) and not (simple and (name in SHA256 or elsewhere)):
        raise WeightsUnavailableError(
            f"{folder}: no checkpoint there, and {name!r} is not a published model to fetch "
            f"({', '.join(SHA256)}); put the model's checkpoint into that folder"
        )


def _release() -> tuple[str, str, str]:
    return (
        os.environ.get("GITHUB_HOST", HOST).rstrip("/"),
        os.environ.get("GITHUB_REPOSITORY", REPOSITORY),
        os.environ.get("GITHUB_RELEASE", RELEASE),
    )


def _other_release() -> str:
    host, repository, release = _release()
    return f"{host}/{repository} release {release}"


def _checksum(name: str) -> str:
    """SHA-256 of a model's archive: pinned for Deezer's release, stated by any other."""
    if _release()[1:] == (REPOSITORY, RELEASE):
        return SHA256[name]
    url = release_url("checksum.json")
    index = fetch_json(url)
    if not isinstance(index, dict) or not isinstance(index.get(name), str):
        raise WeightsUnavailableError(f"{url}: states no checksum for {name!r}")
    return index[name]


def _may_keep_source(staged: Path, origin: Path) -> bool:
    """Whether weights keep the origin they state: those of a folder do, those of an archive only if it says "generated"."""
    stated = weights_source(staged)
    return stated == "generated random weights" or (origin.is_dir() and (staged / SOURCE_FILE).is_file())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _one_line_errors(folder: Path) -> Iterator[None]:
    """Name the folder in what the file system refuses, and the way out in what the network does."""
    try:
        yield
    except OSError as error:
        raise WeightsUnavailableError(
            f"{folder}: the weights cannot be put there ({error.strerror or error}); choose another folder with MODEL_PATH"
        ) from error
    except WeightsUnavailableError as error:
        if "not a published model" in str(error):
            raise
        raise WeightsUnavailableError(
            f"the weights are not in {folder} and could not be fetched from {error}; on a machine without internet use "
            f"'vocal-unet models import {folder.name}.tar.gz'"
        ) from error

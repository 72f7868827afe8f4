"""Checkpoints for the original Spleeter: found, downloaded once, or refused with the reason.

Runs in Spleeter's environment. Spleeter's own provider makes an empty folder before it downloads; when the download
fails it takes that folder for a model ever after and "separates" with whatever the graph was initialized with. Here a
folder appears only with a checkpoint in it.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile

import httpx
import tensorflow as tf
from protocol.serve import Unavailable
from spleeter.model.provider import ModelProvider
from spleeter.model.provider.github import GithubModelProvider

SOURCE = ".source.json"
DEEZER = ("https://github.com", "deezer/spleeter")


def prepare_weights(model_dir: str) -> str:
    """Make sure that a checkpoint lies where Spleeter will look for `model_dir`, and say where it came from.

    Raises:
        Unavailable: there is none and it cannot be downloaded.
    """
    folder = os.path.join(ModelProvider.DEFAULT_MODEL_PATH, model_dir)
    if not has_checkpoint(folder):
        if os.path.isdir(folder) and os.listdir(folder):
            raise Unavailable(f"{folder} holds no complete checkpoint; delete it to download Deezer's weights again")
        _download(folder)
    return describe(folder)


def has_checkpoint(folder: str) -> bool:
    """Whether TensorFlow finds a checkpoint in `folder`, by the rule Spleeter restores by."""
    return tf.train.latest_checkpoint(folder) is not None


def describe(folder: str) -> str:
    """Origin of the checkpoint in `folder`, in words for a footnote; only a marker beside it vouches for one."""
    try:
        with open(os.path.join(folder, SOURCE), encoding="utf-8") as stream:
            source = json.load(stream)["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{folder}, origin unknown"
    return "generated random weights" if source == "generated" else str(source)


def _download(folder: str) -> None:
    """Let Spleeter's provider, which verifies the checksum, fill a temporary folder, and rename that."""
    provider = GithubModelProvider.from_environ()
    host, repository, release = provider._host, provider._repository, provider._release
    owner = "Deezer" if (host, repository.lower()) == DEEZER else f"{host}/{repository}"
    name = os.path.basename(folder)
    partial = f"{folder}.{os.getpid()}.part"
    try:
        os.makedirs(partial)
        provider.download(name, partial)
        provider.writeProbe(partial)
        if not has_checkpoint(partial):
            raise OSError("the archive holds no checkpoint")
        with open(os.path.join(partial, SOURCE), "w", encoding="utf-8") as stream:
            json.dump({"source": f"{owner} release {release}"}, stream)
        if os.path.isdir(folder):
            os.rmdir(folder)
        os.replace(partial, folder)
    except (httpx.HTTPError, OSError, ValueError, tarfile.TarError) as error:
        reason = " ".join(str(error).split())
        raise Unavailable(
            f"{owner}'s weights could not be downloaded ({type(error).__name__}: {reason}); put them in {folder}, or "
            f"point MODEL_PATH at the folder that holds {name}/"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)

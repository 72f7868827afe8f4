"""Unpacks the archive of a model without trusting it: only plain files, only into the folder asked for."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from vocal_unet.errors import ModelError

DEPTH = 2
"""The files lie at the top of Deezer's archives; one folder around them is what packing a model folder gives."""


def unpack_model(archive: Path, folder: Path) -> None:
    """Put the files of a tar archive (compressed or not) into `folder`, which is made and must not exist.

    A folder around the files is dropped. What macOS adds to archives (`._name`) is left out. Owners, permissions and times
    stated in the archive are not taken over.

    Raises:
        ModelError: it is not a whole tar archive, or a member is a link or a device, has a path that leads out of the
            archive (`..`, absolute), or two would get the same name. What was unpacked until then stays in `folder`.
        OSError: the folder cannot be written to.
    """
    folder.mkdir(parents=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = _file_name(member, archive)
                if name is None:
                    continue
                source = tar.extractfile(member)
                assert source is not None, "regular files have contents"
                try:
                    with source, (folder / name).open("xb") as target:
                        shutil.copyfileobj(source, target)
                except FileExistsError:
                    raise ModelError(f"{archive}: holds the file {name} twice; nothing was unpacked") from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{archive}: not a whole tar archive ({reason}); get it again") from None


def _file_name(member: tarfile.TarInfo, archive: Path) -> str | None:
    """The bare name of a member that is a file; None for what is left out."""
    parts = [part for part in PurePosixPath(member.name).parts if part != "."]
    if member.name.startswith("/") or ".." in parts or "\\" in member.name or ":" in member.name:
        raise ModelError(f"{archive}: the member {member.name!r} leads out of the archive; nothing was unpacked")
    if member.isdir():
        return None
    if not member.isreg():
        raise ModelError(f"{archive}: the member {member.name!r} is a link or a device; nothing was unpacked")
    if len(parts) > DEPTH:
        raise ModelError(f"{archive}: the member {member.name!r} lies too deep for a model; nothing was unpacked")
    return None if parts[-1].startswith("._") else parts[-1]

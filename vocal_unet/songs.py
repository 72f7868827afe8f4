"""From what a user names - files, folders, patterns - to the songs that are meant."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from vocal_unet.errors import AudioError

SUFFIXES = frozenset(
    ".wav .wave .flac .aif .aiff .aifc .mp3 .mp2 .ogg .oga .opus .m4a .m4b .aac .mp4 .wma .mka .webm .ac3 .caf .ape .wv "
    ".au .alac .mpc .tta".split()
)
"""What counts as a song inside a folder; a file that is named itself may have any suffix."""


def find_songs(named: Iterable[str | os.PathLike[str]], *, leave_out: Path | None = None) -> list[Path]:
    """The songs a user means, in the order named, none twice.

    A folder stands for all sound files below it, at any depth, by their suffix, sorted by path; hidden files and folders
    are left out. A name that is no file but has `*`, `?` or `[` in it is a pattern (`**` goes through folders). Any other
    name stands for itself, whether there is such a file or not.

    Args:
        named: files, folders and patterns.
        leave_out: songs below this folder are not found inside folders or by patterns: where the stems of an earlier run lie.

    Raises:
        AudioError: a folder holds no songs, a pattern matches none, or a name is empty.
    """
    songs: dict[str, Path] = {}
    for name in named:
        if not os.fspath(name):  # an unset variable in a script; as a path it would be the folder one is in
            raise AudioError("the name of a song is empty; give a file, a folder or a pattern")
        for song in _songs_of(Path(name), None if leave_out is None else leave_out.absolute()):
            songs.setdefault(os.path.normpath(song.absolute()), song)
    return list(songs.values())


def _songs_of(name: Path, leave_out: Path | None) -> Iterator[Path]:
    if name.is_dir():
        found = list(_below(name, leave_out))
        if not found:
            raise AudioError(f"{name}: is a folder without sound files; give one that holds songs")
        yield from found
    elif not name.exists() and glob.has_magic(str(name)):
        matches = [Path(match) for match in sorted(glob.glob(str(name), recursive=True))]
        matches = [match for match in matches if match.is_file() and not _is_below(match, leave_out)]
        if not matches:
            raise AudioError(f"{name}: matches no file; check the pattern")
        yield from matches
    else:
        yield name


def _below(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and Path(root, f).absolute() != leave_out)
        for file in sorted(files):
            if not file.startswith(".") and Path(file).suffix.lower() in SUFFIXES:
                yield Path(root, file)


def _is_below(path: Path, folder: Path | None) -> bool:
    return folder is not None and folder in path.absolute().parents

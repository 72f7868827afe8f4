"""Songs in folders: a folder of stems per song, loose recordings of one stem, Spleeter's CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from vocal_unet.data.songs import Clip, FileSong, Song
from vocal_unet.errors import DataError

MIXTURE = "mixture"
SUFFIXES = {".wav", ".flac", ".aif", ".aiff", ".ogg", ".opus", ".mp3", ".m4a", ".mp4", ".wma", ".aac"}


def stem_folders(root: Path) -> list[Song]:
    """`stems:FOLDER`: one folder per song; the stems' names are the files'. A `mixture.*` is no stem: their sum counts.

    Raises:
        DataError: the folder is missing or holds no song.
    """
    songs = [_stem_folder(folder) for folder in _subfolders(_existing(root, "a folder of stems per song"))]
    found: list[Song] = [song for song in songs if song is not None]
    if not found:
        raise DataError(
            f"{root}: holds no song; each song is a folder with vocals.wav (or another format) and other stems"
        )
    return found


def _stem_folder(folder: Path) -> FileSong | None:
    stems: dict[str, Clip] = {}
    fault = None
    for file in sound_files(folder.iterdir()):
        if file.stem in stems:
            fault = f"{folder}: {stems[file.stem].path.name} and {file.name} are the same stem; keep one"
        stems[file.stem] = Clip(file)
    if not stems:
        return None
    mixed = stems.pop(MIXTURE, None)
    if len(stems) < 2:
        fault = fault or f"{folder}: needs at least two stems, but holds {', '.join(stems) or 'only a mixture'}"
    return FileSong(folder.name, stems, mixed, known_fault=fault)


def loose_recordings(stem: str, root: Path) -> list[Song]:
    """`loose:STEM:FOLDER` (`voices:FOLDER` for vocals): every sound file in the tree is a recording of that stem alone.

    Raises:
        DataError: the folder is missing or holds no sound file.
    """
    files = sound_files(_existing(root, f"recordings of {stem}").rglob("*"))
    if not files:
        raise DataError(f"{root}: holds no sound file; give a folder with recordings of {stem}")
    return [FileSong(str(file.relative_to(root)), {stem: Clip(file)}) for file in files]


def spleeter_csv(file: Path, root: Path | None = None) -> list[Song]:
    """`spleeter-csv:FILE[,FOLDER]`: Spleeter's training list; columns `mix_path`, `<instrument>_path`, `duration`.

    Args:
        file: the CSV.
        root: what its paths are relative to; the CSV's own folder unless given.

    Raises:
        DataError: the file is missing, lacks columns or lists nothing.
    """
    root = file.parent if root is None else root
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text)
            columns = [name for name in reader.fieldnames or [] if name.endswith("_path") and name != "mix_path"]
            if len(columns) < 2:
                raise DataError(f"{file}: needs at least two columns named <instrument>_path besides mix_path")
            songs: list[Song] = [_csv_song(row, columns, root) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: cannot be read ({error}); give Spleeter's training CSV") from None
    if not songs:
        raise DataError(f"{file}: lists no song")
    return songs


def _csv_song(row: dict[str, str], columns: list[str], root: Path) -> FileSong:
    mixed = row.get("mix_path") or ""
    missing = [column for column in columns if not row.get(column)]
    files = {column.removesuffix("_path"): Clip(root / row[column]) for column in columns if row.get(column)}
    name = mixed or next((row[column] for column in columns if row.get(column)), "an empty row")
    fault = f"{name}: has no {missing[0]} in the CSV" if missing else None
    return FileSong(name, files, Clip(root / mixed) if mixed else None, known_fault=fault)


def sound_files(paths: Iterable[Path]) -> list[Path]:
    """The files among `paths` that a sound file's suffix marks, sorted; hidden ones are not meant."""
    return sorted(p for p in paths if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file())


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _existing(root: Path, wanted: str) -> Path:
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give one that holds {wanted}")
    return root

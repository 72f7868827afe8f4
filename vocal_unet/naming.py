"""The names of output files, after Spleeter's `filename_format`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vocal_unet.errors import ConfigError

FILENAME_FORMAT = "{filename}/{instrument}.{codec}"


def output_paths(
    song: str | Path, destination: str | Path, stems: Sequence[str], filename_format: str, codec: str
) -> dict[str, Path]:
    """Where each stem of a song goes.

    Args:
        song: the input file; {filename} is its name without suffix, {foldername} that of its folder.
        destination: folder the names are relative to.
        stems: what comes out; each is an {instrument}.
        filename_format: a format string with the fields named above and {codec}.
        codec: suffix of the files.

    Raises:
        ConfigError: an unknown field or broken format, two stems with one name, or a name that is the input itself.
    """
    song = Path(song).absolute()
    paths: dict[str, Path] = {}
    for stem in stems:
        try:
            name = filename_format.format(filename=song.stem, foldername=song.parent.name, instrument=stem, codec=codec)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ConfigError(
                f"filename format {filename_format!r} is wrong ({error}); its fields are "
                "{filename}, {instrument}, {foldername} and {codec}"
            ) from None
        path = Path(destination) / name
        if path in paths.values():
            raise ConfigError(
                f"filename format {filename_format!r} gives several stems the file {path}; use {{instrument}}"
            )
        if path.absolute() == song:
            raise ConfigError(f"{path}: the output would replace the input; choose another folder or filename format")
        paths[stem] = path
    return paths


def require_distinct(songs: Mapping[Path, Mapping[str, Path]]) -> None:
    """Make sure that no song's stems would replace those of another, or another song.

    Args:
        songs: the files of each song, as `output_paths` gives them.

    Raises:
        ConfigError: two songs would write the same file, or one would replace the other.
    """
    inputs = {song.absolute() for song in songs}
    taken: dict[Path, Path] = {}
    for song, paths in songs.items():
        for path in paths.values():
            other = taken.setdefault(path.absolute(), song)
            if other != song:
                raise ConfigError(
                    f"{other} and {song} would both be written to {path}; use {{foldername}} in the filename format, or "
                    "separate them into different folders"
                )
            if path.absolute() in inputs:
                raise ConfigError(f"{path}: the output would replace an input; choose another folder")

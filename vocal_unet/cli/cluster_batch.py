"""Separates many songs on a Dask cluster: a lost worker's songs are done by another."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vocal_unet import console
from vocal_unet.audio import AudioInfo
from vocal_unet.cli.batch import BatchSettings, failed, separate_song, song_seconds, songs_to_do
from vocal_unet.cli.reporting import Outcome, Reporter
from vocal_unet.cluster import on_cluster
from vocal_unet.errors import VocalUnetError
from vocal_unet.stem_files import WrittenStems

if TYPE_CHECKING:
    from vocal_unet.config import Execution, Rendering
    from vocal_unet.separator import Separator


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker makes its separator of, and what it does with every song."""

    model: str
    rendering: Rendering
    execution: Execution
    batch: BatchSettings


@dataclass(frozen=True)
class Song:
    """One song with the file of each stem; absolute, as workers are started in other folders."""

    name: Path
    """As it was found here."""
    info: AudioInfo
    paths: Mapping[str, Path]


class SongSeparator:
    """A separator in a worker."""

    def __init__(self, settings: WorkerSettings) -> None:
        console.import_tensorflow()
        from vocal_unet.separator import Separator

        self._separator = Separator(settings.model, **settings.rendering.to_dict(), **settings.execution.to_dict())
        self._settings = settings.batch

    def do(self, song: Song) -> WrittenStems | VocalUnetError:
        """A song that fails is a result: it does not stop the others."""
        try:
            return separate_song(self._separator, song.info, song.paths, self._settings)
        except VocalUnetError as error:
            return error

    def close(self) -> None:
        """Nothing to give back."""


def separate_songs_on_cluster(
    separator: Separator,
    made: WorkerSettings,
    infos: Mapping[Path, AudioInfo],
    address: str,
    outcome: Outcome,
    reporter: Reporter,
) -> None:
    """`batch.separate_songs` by the workers of a cluster, which see songs, model and output under the same paths.

    Raises:
        ConfigError: as `separate_songs`.
        ClusterError: the cluster cannot be reached or was lost.
        VocalUnetError: a worker cannot load the model.
    """
    found, settings = Path(made.model).absolute(), made.batch
    made = replace(made, model=str(found) if found.exists() else made.model)
    songs = [
        Song(
            song,
            replace(infos[song], path=song.absolute()),
            {stem: path.absolute() for stem, path in paths.items()},
        )
        for song, paths in songs_to_do(separator, infos, settings, outcome, reporter).items()
    ]
    with closing(on_cluster(SongSeparator, made, songs, address)) as results:
        for song, result in results:
            # only the cluster knows when it began
            reporter.started(song.name, song_seconds(song.info, settings))
            if isinstance(result, VocalUnetError):
                failed(song.name, result, outcome, reporter)
            else:
                reporter.done(song.name, result)
                outcome.done.append(song.name)

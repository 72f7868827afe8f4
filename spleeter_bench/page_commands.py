"""`spleeter-bench report`, `plot` and `listen`: a run to look at, to listen to and to judge."""

from __future__ import annotations

import enum
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vocal_unet import console

if TYPE_CHECKING:
    from spleeter_bench.records import Record
    from spleeter_bench.tracks import Track

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder a run wrote.", show_default=False)]
Systems = Annotated[
    list[str] | None, typer.Option(help="Only this system. May be given again; sets the order.", show_default="all")
]
Data = Annotated[
    list[str] | None,
    typer.Option(
        help="The songs of the run, where they lie elsewhere now. May be given again.", show_default="the run's"
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show tracebacks and what goes on inside.")]


class Target(str, enum.Enum):
    """Which stem."""

    VOCALS = "vocals"
    ACCOMPANIMENT = "accompaniment"


class Kind(str, enum.Enum):
    """What a picture shows."""

    BOX = "box"
    PAIRED = "paired"
    COST = "cost"
    SPECTROGRAM = "spectrogram"
    TIME = "time"


def report(
    folder: RunFolder,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the page; an older page is replaced.", show_default=False)
    ],
    target: Annotated[Target, typer.Option(help="Which stem.")] = Target.VOCALS,
    systems: Systems = None,
    data: Data = None,
    excerpt: Annotated[float, typer.Option(min=1, help="Seconds of an excerpt.")] = 7.0,
    excerpts: Annotated[int, typer.Option(min=1, help="Excerpts per song, at most.")] = 1,
    full_audio: Annotated[bool, typer.Option("--full-audio", help="Whole songs instead of excerpts.")] = False,
    bitrate: Annotated[int, typer.Option(help="Bits per second of the page's mp3s.")] = 96_000,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes at a time.", show_default="one per core")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Make a page of a run: tables, charts, spectrograms, players and a blind listening test.

    It opens in any browser, without server or network. What can be heard are the stems a run kept (--keep-estimates).
    """
    _set_up_logging(verbose)
    from spleeter_bench import listening
    from spleeter_bench.aggregate import aggregate
    from spleeter_bench.page import Excerpts, write_page
    from spleeter_bench.plan import read_plan

    records = _records(folder)
    summaries = aggregate(records, target=target.value, systems=systems or None, plan=read_plan(folder))
    tracks = _tracks(folder, data)
    with console.progress_bar() as bar:
        task = bar.add_task("excerpts", total=None)
        index = write_page(
            summaries,
            records,
            folder,
            output,
            tracks,
            excerpts=Excerpts(None if full_audio else excerpt, excerpts, bitrate),
            ratings=listening.rating_column(listening.pool(listening.read_of_run(folder))),
            jobs=jobs,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    typer.echo(index)


def plot(
    folder: RunFolder,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .png, .svg or .pdf file.", show_default=False)],
    kind: Annotated[
        Kind,
        typer.Option(
            help="All songs as boxes; two systems song by song; speed and memory; spectrograms, masks and differences of an "
            "excerpt; SDR over the seconds of a song."
        ),
    ] = Kind.BOX,
    metric: Annotated[str, typer.Option(help="Of box, paired and time.", show_default="si_sdr; time: sdr")] = "",
    target: Annotated[Target, typer.Option(help="Which stem.")] = Target.VOCALS,
    systems: Systems = None,
    song: Annotated[
        str | None, typer.Option(help="A part of the name of the song to show.", show_default="the first")
    ] = None,
    excerpt: Annotated[float, typer.Option(min=1, help="Seconds of the spectrogram.")] = 7.0,
    data: Data = None,
    dpi: Annotated[int, typer.Option(min=20, help="Resolution of pixels.")] = 200,
    verbose: Verbose = False,
) -> None:
    """Draw one picture of a run for a paper (needs the extra: pip install 'vocal-unet[plot]').

    `paired` shows the first two --systems, by default ours and Spleeter.
    """
    _set_up_logging(verbose)
    from spleeter_bench import figures
    from spleeter_bench.aggregate import aggregate
    from spleeter_bench.errors import BenchError
    from spleeter_bench.estimates import kept_folders
    from spleeter_bench.museval_files import museval_path, read_frames
    from spleeter_bench.page import Excerpts
    from spleeter_bench.page.results import first_pair
    from spleeter_bench.plan import read_plan

    summaries = aggregate(_records(folder), target=target.value, systems=systems or None, plan=read_plan(folder))
    names = [summary.system for summary in summaries.systems]
    shown = next((name for _, name, _ in summaries.tracks if (song or "") in name), None)
    if shown is None:
        raise BenchError(f"the run has no song with {song!r} in its name")
    if kind is Kind.SPECTROGRAM:
        track = next((track for track in _tracks(folder, data) if track.name == shown), None)
        if track is None:
            raise BenchError(f"{shown}: the song is not there; say with --data where the run's songs lie")
        folders = kept_folders(folder, names, shown)
        figures.save(lambda: figures.spectrograms(track, folders, target.value, Excerpts(excerpt)), output, dpi=dpi)
    elif kind is Kind.TIME:
        frames = {
            name: read_frames(museval_path(folder, name, shown), target.value).get(metric or "sdr", [])
            for name in names
        }
        figures.save(lambda: figures.over_time(frames, metric or "sdr", shown), output, dpi=dpi)
    elif kind is Kind.PAIRED:
        if len(names) < 2:
            raise BenchError("a comparison takes two systems")
        first, second = names[:2] if systems else (names[place] for place in first_pair(summaries))
        figures.save(lambda: figures.paired(summaries, metric or "si_sdr", first, second), output, dpi=dpi)
    elif kind is Kind.COST:
        figures.save(lambda: figures.cost(summaries), output, dpi=dpi)
    else:
        figures.save(lambda: figures.box(summaries, metric or "si_sdr"), output, dpi=dpi)
    typer.echo(output)


def listen(
    results: Annotated[
        list[Path],
        typer.Argument(help="Files the page's listening test exported, or folders of them.", show_default=False),
    ],
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Show the ratings beside this run's metrics, and keep them for its tables."),
    ] = None,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Also take listeners who do not recognise the hidden reference.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")] = False,
    verbose: Verbose = False,
) -> None:
    """Pool the blind tests of several listeners: ratings with intervals, paired tests, ABX against guessing."""
    _set_up_logging(verbose)
    from spleeter_bench import listening, report
    from spleeter_bench.aggregate import aggregate
    from spleeter_bench.errors import BenchError
    from spleeter_bench.plan import read_plan

    found = listening.read_results(results)
    left_out: tuple[str, ...] = ()
    if not keep_all:
        kept, left_out = listening.screen(found.ratings)
        found = listening.Listening(kept, found.answers)
    if not found.ratings and not found.answers:
        raise BenchError(
            f"no answers left: {', '.join(left_out)} did not recognise the hidden reference; --keep-all takes them in"
            if left_out
            else "the files hold no answers"
        )
    opinions = listening.pool(found)
    tables = listening.listening_tables(opinions, left_out)
    if run:
        summaries = aggregate(_records(run), plan=read_plan(run))
        tables.insert(0, report.make_table(summaries, beside=listening.rating_column(opinions)))
        listening.write_results(run / listening.FILE_NAME, found)
    for number, table in enumerate(tables):
        if number:
            typer.echo()
        if markdown:
            typer.echo(report.render_markdown(table), nl=False)
        else:
            report.print_text(table)


def _records(folder: Path) -> tuple[Record, ...]:
    from spleeter_bench.records import FILE_NAME, read_records

    reading = read_records(folder / FILE_NAME)
    if reading.notice:
        typer.echo(reading.notice, err=True)
    return reading.records


def _tracks(folder: Path, data: list[str] | None) -> list[Track]:
    """The songs of a run; a run made before runs remembered where their songs lie has none."""
    from spleeter_bench.errors import TrackError
    from spleeter_bench.plan import read_plan
    from spleeter_bench.tracks import find_tracks

    try:
        return find_tracks(data or read_plan(folder).data)
    except TrackError as error:
        raise error if data else TrackError(f"{error}; say with --data where the run's songs lie now") from error


def _set_up_logging(verbose: bool) -> None:
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(name)s: %(message)s")

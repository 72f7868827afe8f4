"""The commands `vocal-unet data`: what is wrong with a data set, and decoding it once for fast training."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from vocal_unet import console
from vocal_unet.errors import DataError

app = typer.Typer(help="Look at training songs, or decode them once.", no_args_is_help=True)

Source = Annotated[
    str,
    typer.Argument(
        metavar="SONGS",
        help="generated:N, stems:DIR, musdb:DIR, musdb:sample, voices:DIR, loose:STEM:DIR, spleeter-csv:FILE, prepared:DIR, "
        "only:STEM,STEM:one of these, or several joined by +, each with *WEIGHT if wanted.",
        show_default=False,
    ),
]
Target = Annotated[str, typer.Option(help="The stem that will be learned.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")]


class BadSongs(str, enum.Enum):
    refuse, skip = "refuse", "skip"


@app.command(no_args_is_help=True)
def check(
    songs: Source,
    target: Target = "vocals",
    test: Annotated[
        str | None,
        typer.Option(help="Songs that must not be among them.", show_default="MUSDB18's test folder, for musdb:DIR"),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Decode every song and list what is wrong; ends with code 7 when songs cannot be used or are in the test set too."""
    from vocal_unet.data.check import check_songs, describe_sources, musdb_test_songs
    from vocal_unet.data.sources import describe_length, open_songs

    found = open_songs(songs)
    compared = open_songs(test).songs if test else musdb_test_songs(songs)
    with console.progress_bar() as bar:
        task = bar.add_task("songs", total=len(found) + len(compared))
        report = check_songs(found, target, compared, lambda: bar.advance(task))
    for line in describe_sources(found):
        print(line)
    print(f"{report.songs - len(report.unusable)} usable songs, {describe_length(report.seconds)}")
    for kind, count in report.formats.most_common():
        print(f"{kind}: {count} songs")
    for heading, lines in (("", report.remarks), ("unusable: ", report.unusable), ("shared: ", report.shared)):
        for line in lines:
            print(heading + " ".join(line.split()))
    faults = [f"{len(report.unusable)} cannot be used"] if report.unusable else []
    faults += [f"{len(report.shared)} are in the test set too"] if report.shared else []
    if faults:
        raise DataError(f"of {report.songs} songs {' and '.join(faults)}; they are listed above")


@app.command(no_args_is_help=True)
def prepare(
    songs: Source,
    folder: Annotated[Path, typer.Argument(help="Where to; used as prepared:FOLDER then.", show_default=False)],
    target: Target = "vocals",
    bad_songs: Annotated[BadSongs, typer.Option(help="What to do about songs that cannot be used.")] = BadSongs.refuse,
    verbose: Verbose = False,
) -> None:
    """Decode songs once into FOLDER, for fast training; an interrupted run goes on where it was."""
    from vocal_unet.data.prepared import estimated_bytes, prepare
    from vocal_unet.data.sources import open_songs, usable_songs

    with console.progress_bar() as bar:
        found = open_songs(songs)
        task = bar.add_task("looking at the files", total=len(found))
        usable, left_out = usable_songs(found, target, bad_songs.value, lambda: bar.advance(task))
        for line in left_out:
            console.stderr.print(f"left out: {line}", soft_wrap=True)
        size = estimated_bytes(usable.songs)
        console.stderr.print(f"{len(usable)} songs take {size / 1e9:.2f} GB in {folder}", soft_wrap=True)
        task = bar.add_task("decoding", total=len(usable))
        decoded, damaged = prepare(usable, folder, bad_songs.value, lambda: bar.advance(task))
    for line in damaged:
        console.stderr.print(f"left out: {line}", soft_wrap=True)
    kept = len(usable) - decoded - len(damaged)
    left = len(left_out) + len(damaged)
    console.stderr.print(
        f"{decoded} songs decoded" + (f", {kept} were there" if kept else "") + (f", {left} left out" if left else "")
    )
    print(f"prepared:{folder}")

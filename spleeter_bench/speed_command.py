"""`spleeter-bench speed`: seconds and bytes, side by side."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from vocal_unet import console


def speed(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for speed.json, table, picture and what is needed on the way."),
    ] = Path("speed"),
    model: Annotated[str, typer.Option(help="2stems, 4stems or 5stems.")] = "2stems",
    weights: Annotated[
        Path | None, typer.Option(help="Folder of 2stems/, …, as Spleeter's MODEL_PATH.", show_default="generated")
    ] = None,
    durations: Annotated[
        list[float] | None,
        typer.Option("--seconds", help="Length of a song. May be given again.", show_default="10, 60, 600, 3600"),
    ] = None,
    systems: Annotated[
        list[str] | None,
        typer.Option("--system", help="original, keras, savedmodel or onnx. May be given again.", show_default="all"),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show tracebacks and what goes on inside.")] = False,
) -> None:
    """Time the original Spleeter, our code, our SavedModel and ONNX Runtime on the same songs with the same weights.

    Whole processes and loaded models, with their memory, one after the other; leave the machine alone meanwhile. All of it
    takes a quarter of an hour on two cores.
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(name)s: %(message)s")
    from spleeter_bench.report import print_text, render_markdown
    from spleeter_bench.speed import measure, show
    from spleeter_bench.speed.contestants import NAMES

    steps = measure.steps(durations or measure.DURATIONS, systems or NAMES)
    run = None
    with console.progress_bar() as bar:
        task = bar.add_task("starting", total=steps)
        try:
            for run in measure.measure(
                output,
                model=model,
                weights=weights,
                durations=durations or measure.DURATIONS,
                names=systems or NAMES,
                progress=lambda line: bar.update(task, description=line),
            ):
                bar.advance(task)
                run.save(output / "speed.json")
        except KeyboardInterrupt:
            typer.echo(f"interrupted; {output} keeps what was measured so far", err=True)
            raise typer.Exit(console.INTERRUPTED) from None
    assert run is not None
    table = show.make_table(run)
    (output / "speed.md").write_text(render_markdown(table), encoding="utf-8")
    typer.echo(render_markdown(table), nl=False) if markdown else print_text(table)
    paths = [output / "speed.json", output / "speed.md"]
    try:
        figure = show.draw(run)
    except ImportError:
        typer.echo("no picture: install matplotlib with pip install 'vocal-unet[plot]'", err=True)
    else:
        figure.savefig(output / "speed.png", dpi=200)
        paths.append(output / "speed.png")
    typer.echo("\n" + "\n".join(map(str, paths)))

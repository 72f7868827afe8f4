"""The command `spleeter-bench`: run a comparison, show its table, set up the original Spleeter."""

from __future__ import annotations

import enum
import logging
from pathlib import Path
from typing import Annotated

import typer

from spleeter_bench import page_commands
from spleeter_bench.speed_command import speed
from vocal_unet import __version__, console

app = typer.Typer(
    help="Put vocal separators head to head and print their SI-SNR/SI-SDR table.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder a run wrote.", show_default=False)]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show tracebacks and what goes on inside.")]


class Format(str, enum.Enum):
    """How a table is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    CSV = "csv"
    LATEX = "latex"


class BSSEval(str, enum.Enum):
    """Who computes SDR, ISR, SIR and SAR."""

    OWN = "own"
    MUSEVAL = "museval"
    NONE = "none"


BSSEvalOption = Annotated[BSSEval, typer.Option(help="SDR, ISR, SIR, SAR: our fast BSSEval v4, museval's, or none.")]


class Target(str, enum.Enum):
    """Which stem a table is about."""

    VOCALS = "vocals"
    ACCOMPANIMENT = "accompaniment"


@app.command()
def run(
    data: Annotated[
        list[str],
        typer.Option(help="Songs: example, musdb:PATH or stems:DIR. May be given again.", show_default=False),
    ],
    systems: Annotated[
        list[str],
        typer.Option(
            help="A system: mixture, mid, oracle:irm (irm2, ibm, mwf; @paper), spleeter:2stems, keras:spleeter:2stems, "
            "vocal-unet:PATH (these three + @mwf), savedmodel:PATH, dir:PATH, cmd:'PROGRAM {input} {output}'. May be given "
            "again.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder of the run; one that exists is gone on with.", show_default=False),
    ],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first songs of each --data.")] = None,
    timeout: Annotated[float | None, typer.Option(min=1, help="Seconds one song may take.")] = None,
    bsseval: BSSEvalOption = BSSEval.OWN,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Processes at a time; more than 1 makes timings worthless.")
    ] = 1,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Do the work on this Dask cluster (tcp://HOST:8786).")
    ] = None,
    keep_estimates: Annotated[
        bool, typer.Option("--keep-estimates", help="Keep the stems in RUN/estimates, for scoring again.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Start over: forget the folder's records.")] = False,
    verbose: Verbose = False,
) -> None:
    """Separate and score every song with every system, then print the table."""
    _set_up_logging(verbose)
    from spleeter_bench import runner
    from spleeter_bench.errors import BenchError, SystemFailedError, SystemUnavailableError
    from spleeter_bench.records import FAILED, UNAVAILABLE
    from spleeter_bench.tracks import find_tracks

    if dask and jobs > 1:
        raise BenchError("--jobs and --dask exclude each other; the cluster decides how many jobs run at a time")
    tracks = find_tracks(data, limit)
    try:
        result = runner.run(
            tracks,
            systems,
            output,
            timeout=timeout,
            force=force,
            versions={"vocal-unet": __version__},
            jobs=jobs,
            dask=dask,
            bsseval=bsseval.value,
            keep_estimates=keep_estimates,
            data=data,
        )
    except KeyboardInterrupt:
        _say("interrupted; the same command goes on where it stopped")
        raise typer.Exit(console.INTERRUPTED) from None
    if result.notice:
        _say(result.notice)
    if result.resumed:
        _say(f"{result.resumed} of {len(result.records)} results were there already; --force starts over")
    _show_run(output)
    failed = sum(record.status == FAILED for record in result.records)
    if failed:
        raise SystemFailedError(f"{failed} of {len(result.records)} separations failed; the table's notes say why")
    if all(record.status == UNAVAILABLE for record in result.records):
        raise SystemUnavailableError("no system can run on this machine; the table's notes say why")


@app.command()
def score(
    folder: RunFolder,
    data: Annotated[list[str], typer.Option(help="The songs of the run, as given to it.", show_default=False)],
    bsseval: BSSEvalOption = BSSEval.OWN,
    verbose: Verbose = False,
) -> None:
    """Score the stems a run kept (--keep-estimates) once more, without separating anything."""
    _set_up_logging(verbose)
    from spleeter_bench import runner
    from spleeter_bench.tracks import find_tracks

    try:
        result = runner.rescore(find_tracks(data), folder, bsseval=bsseval.value)
    except KeyboardInterrupt:
        _say("interrupted; what was scored so far is kept, the rest has its old scores")
        raise typer.Exit(console.INTERRUPTED) from None
    if result.notice:
        _say(result.notice)
    _show_run(folder)


@app.command()
def table(
    folder: RunFolder,
    form: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.TEXT,
    target: Annotated[Target, typer.Option(help="Which stem.")] = Target.VOCALS,
    systems: Annotated[
        list[str] | None, typer.Option(help="Only this system. May be given again; sets the order.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", help="A column, like sdr or usdr. May be given again. [default: si_snr, si_sdr]"),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Load times, every metric, mean and median, then all pairs of systems compared."),
    ] = False,
    no_cost: Annotated[
        bool, typer.Option("--no-cost", help="Without speed and memory, which no two runs have in common.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Print the table of a run again; csv always holds every metric, with --full it holds the pairs of systems."""
    _set_up_logging(verbose)
    from spleeter_bench import listening, report
    from spleeter_bench.aggregate import aggregate
    from spleeter_bench.plan import read_plan
    from spleeter_bench.records import FILE_NAME, read_records

    reading = read_records(folder / FILE_NAME)
    if reading.notice:
        _say(reading.notice)
    summaries = aggregate(reading.records, target=target.value, systems=systems or None, plan=read_plan(folder))
    cost = not no_cost
    if form is Format.CSV:
        typer.echo(report.render_pairs_csv(summaries) if full else report.render_csv(summaries, cost=cost), nl=False)
        return
    ratings = listening.rating_column(listening.pool(listening.read_of_run(folder)))
    chosen_metrics = metrics or report.PAPER_METRICS
    tables = [report.make_table(summaries, chosen_metrics, cost=cost, load_time=full, beside=ratings)]
    if full:
        chosen = metrics or report.known_metrics(summaries)
        pairs = report.make_pairs_table(summaries, chosen)
        tables += [report.make_full_table(summaries), *([pairs] if pairs else [])]
    for number, one in enumerate(tables):
        if number:
            typer.echo()
        if form is Format.TEXT:
            report.print_text(one)
        else:
            render = report.render_markdown if form is Format.MARKDOWN else report.render_latex
            typer.echo(render(one), nl=False)


app.command()(page_commands.report)
app.command()(page_commands.plot)
app.command()(page_commands.listen)
app.command()(speed)


@app.command()
def parity(
    models: Annotated[list[str] | None, typer.Option("--model", help="Only 2stems, 4stems or 5stems.")] = None,
    bands: Annotated[list[str] | None, typer.Option("--band", help="Only 11kHz or 16kHz.")] = None,
    extensions: Annotated[list[str] | None, typer.Option("--extension", help="Only zeros or average.")] = None,
    methods: Annotated[list[str] | None, typer.Option("--method", help="Only mask or mwf.")] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="Only stereo, mono, 48kHz, 0.05s, segment-1, segment, segment+1."),
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="Folder of 2stems/, …; missing ones are made there, with generated weights. Else temporary."),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    verbose: Verbose = False,
) -> None:
    """Compare our Spleeter models with the original's samples, setting by setting.

    All of it takes a quarter of an hour on two cores. Each option may be given again.
    Ends with exit code 13 if a value lies below 95 dB.
    """
    _set_up_logging(verbose)
    console.import_tensorflow()
    from spleeter_bench import parity as parity_table
    from spleeter_bench.errors import SystemFailedError
    from spleeter_bench.report import print_text, render_markdown

    choice = parity_table.choose(
        models=models or (), bands=bands or (), extensions=extensions or (), methods=methods or (), inputs=inputs or ()
    )
    rows: list[parity_table.Row] = []
    interrupted = False
    with console.progress_bar() as bar:
        task = bar.add_task("starting", total=len(parity_table.settings(choice)))
        try:
            for row in parity_table.measure(choice, checkpoints, lambda line: bar.update(task, description=line)):
                rows.append(row)
                bar.advance(task)
        except KeyboardInterrupt:
            interrupted = True
    if rows:
        made = parity_table.make_table(rows)
        typer.echo(render_markdown(made), nl=False) if markdown else print_text(made)
    if interrupted:
        _say(f"interrupted after {len(rows)} settings")
        raise typer.Exit(console.INTERRUPTED)
    bad = [row for row in rows if not row.good]
    if bad:
        raise SystemFailedError(
            f"{len(bad)} of {len(rows)} settings have a value below {parity_table.LIMIT:g} dB; the table's notes say more"
        )


@app.command()
def setup(verbose: Verbose = False) -> None:
    """Make the environment of the original Spleeter 2.4.2, once, in the user's cache folder."""
    _set_up_logging(verbose)
    from spleeter_bench.sidecar.environment import ensure_environment

    typer.echo(ensure_environment())


@app.command()
def audit_paper(verbose: Verbose = False) -> None:
    """Show on a real song why the paper's SI-SNR and SI-SDR cannot be compared with anything."""
    _set_up_logging(verbose)
    from rich.console import Console

    from spleeter_bench import audit

    with Console(stderr=True).status("scoring the mixture and an ideal mask"):
        lines = audit.audit()
    typer.echo(audit.render(lines))


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Put vocal separators head to head and print their SI-SNR/SI-SDR table."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point of the command."""
    console.run(app)


def _set_up_logging(verbose: bool) -> None:
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(name)s: %(message)s")


def _show_run(folder: Path) -> None:
    """Write the tables of a run, print the one of the paper and say where everything is."""
    from spleeter_bench.aggregate import aggregate
    from spleeter_bench.plan import read_plan
    from spleeter_bench.records import FILE_NAME, read_records
    from spleeter_bench.report import make_table, print_text, save_tables

    summaries = aggregate(read_records(folder / FILE_NAME).records, plan=read_plan(folder))
    paths = [folder / FILE_NAME, *save_tables(summaries, folder)]
    print_text(make_table(summaries))
    typer.echo("\n" + "\n".join(map(str, paths)))


def _say(text: str) -> None:
    typer.echo(text, err=True)


if __name__ == "__main__":
    main()

"""The command `vocal-unet`: a thin door to the package; heavy things are imported inside the commands."""

from __future__ import annotations

from typing import Annotated

import typer

from vocal_unet import console
from vocal_unet.cli.data import app as data
from vocal_unet.cli.export import export
from vocal_unet.cli.models import app as models
from vocal_unet.cli.separate import separate
from vocal_unet.cli.train import train
from vocal_unet.version import __version__

app = typer.Typer(
    help="Isolate vocals from stereo music with a Keras U-Net or Deezer's Spleeter models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(no_args_is_help=True)(separate)
app.command(no_args_is_help=True)(train)
app.command(no_args_is_help=True)(export)
app.add_typer(models, name="models")
app.add_typer(data, name="data")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"vocal-unet {__version__}")
        raise typer.Exit


@app.callback()
def _application(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the command."""
    console.run(app)

"""`vocal-unet models`: which of Spleeter's weights are here, where they come from, and whether they are whole."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vocal_unet import console
from vocal_unet.config import require
from vocal_unet.errors import ModelError, VocalUnetError

if TYPE_CHECKING:
    from vocal_unet.spleeter.configuration import SpleeterModel

app = typer.Typer(help="List, fetch, import and verify the weights of Spleeter's models.", no_args_is_help=True)

Verbose = Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")]
Names = Annotated[
    list[str] | None, typer.Argument(help="2stems, 4stems, 5stems or a Spleeter JSON file.", show_default="all here")
]
STATES = {
    "ready": "ready",
    "checkpoint": "checkpoint, not converted ('vocal-unet models fetch' does it)",
    "damaged": "damaged ('vocal-unet models verify' says where)",
    "missing": "not on this machine",
}


@app.command("list")
def list_models(
    json_output: Annotated[bool, typer.Option("--json", help="As JSON.")] = False, verbose: Verbose = False
) -> None:
    """List Deezer's models and whatever else is in the models folder."""
    console.import_tensorflow()
    from vocal_unet.spleeter.inventory import stored_models

    models = stored_models()
    if json_output:
        print(json.dumps([{**dataclasses.asdict(model), "folder": str(model.folder)} for model in models], indent=2))
        return
    for model in models:
        size = f"{model.bytes / 1e6:6.1f} MB" if model.bytes else " " * 9
        print(f"{model.name:<12} {size}  {STATES[model.state]}{f'; {model.source}' if model.source else ''}")


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="2stems, 4stems, 5stems or a Spleeter JSON file.")],
    verbose: Verbose = False,
) -> None:
    """Download models, check them and convert them for fast loading; goes on where it was interrupted."""
    models = [_model(name) for name in names]
    console.import_tensorflow()
    from vocal_unet.spleeter.pretrained import fetch

    for model in models:
        with console.download_bar(model.model_dir) as progress:
            print(fetch(model, progress))


@app.command("import")
def import_(
    origin: Annotated[
        Path, typer.Argument(help="NAME.tar.gz, a model folder, or Spleeter's pretrained_models folder.")
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", help="What it is: 2stems, 4stems, 5stems or a JSON file.", show_default="by its name"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace weights that are there.")] = False,
    verbose: Verbose = False,
) -> None:
    """Take over weights that were downloaded elsewhere."""
    found = _importable(origin, name)
    console.import_tensorflow()
    from vocal_unet.spleeter.pretrained import import_model

    for path, model in found:
        print(import_model(path, model, replace=force))


@app.command()
def verify(names: Names = None, verbose: Verbose = False) -> None:
    """Read the weights completely and compare them with what they should be."""
    console.import_tensorflow()
    from vocal_unet.spleeter.converted import verify_weights
    from vocal_unet.spleeter.inventory import stored_models
    from vocal_unet.spleeter.pretrained import model_folder

    if not names:
        here = [stored for stored in stored_models() if stored.state != "missing"]
        names = [stored.name for stored in here if stored.runs_as]
        for stored in here:
            if not stored.runs_as:
                print(f"{stored.name}: not checked; give its JSON file to verify it")
        require(bool(here), "no models are on this machine; 'vocal-unet models fetch 2stems' gets one")
    failures: list[VocalUnetError] = []
    for name in names:
        model = _model(name)
        try:
            print(f"{model.model_dir}: {verify_weights(model_folder(model), model)}")
        except ModelError as error:
            failures.append(error)
            print(f"error: {model.model_dir}: {console.one_line(error)}")
    if failures:
        raise ModelError(f"{len(failures)} of {len(names)} models are damaged; import or fetch them again")


@app.command()
def path(
    name: Annotated[str | None, typer.Argument(help="2stems, …; without it the folder of all models.")] = None,
    verbose: Verbose = False,
) -> None:
    """Print the folder of a model, whether it is there or not."""
    console.import_tensorflow()
    from vocal_unet.spleeter.pretrained import model_folder, models_folder

    print(models_folder() if name is None else model_folder(_model(name)))


def _model(name: str) -> SpleeterModel:
    from vocal_unet.spleeter.configuration import spleeter_model

    return spleeter_model(name if name.endswith(".json") else f"spleeter:{name.removeprefix('spleeter:')}")


def _importable(origin: Path, name: str | None) -> list[tuple[Path, SpleeterModel]]:
    """What `origin` holds, with the model each is for."""
    from vocal_unet.spleeter.configuration import NAMES

    require(origin.exists(), f"{origin}: no such file or folder")
    if name is not None:
        return [(origin, _model(name))]
    if origin.is_dir() and not any(origin.glob("*.index")):
        inner = [folder for folder in sorted(origin.iterdir()) if folder.is_dir() and any(folder.glob("*.index"))]
        known = [(folder, _model(folder.name)) for folder in inner if folder.name in NAMES]
        others = ", ".join(folder.name for folder in inner if folder.name not in NAMES)
        require(
            bool(known),
            f"{origin}: holds none of Spleeter's models{f' ({others}: import them one by one)' * bool(others)}",
        )
        if others:
            console.stderr.print(f"left out, import one by one with --name: {others}", soft_wrap=True)
        return known
    guessed = origin.name.removesuffix(".gz").removesuffix(".tar").removesuffix(".tgz")
    require(guessed in NAMES, f"{origin}: {guessed!r} is none of Spleeter's models; say what it is with --name")
    return [(origin, _model(guessed))]

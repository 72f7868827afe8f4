"""`vocal-unet train`: the paper's U-Net on a data set or on generated songs."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from vocal_unet import console


class Preset(str, enum.Enum):
    default, paper, tiny = "default", "paper", "tiny"


def train(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder the model is written to.", show_default=False)],
    data: Annotated[
        str,
        typer.Option(
            "-d",
            "--data",
            help="Songs: stems:DIR, musdb:DIR, prepared:DIR, generated:N[:SEED], voices:DIR or a sum of these.",
        ),
    ] = "generated:48",
    preset: Annotated[Preset, typer.Option(help="Settings to start from.")] = Preset.default,
    config: Annotated[
        Path | None, typer.Option(help="JSON file with settings instead of a preset.", show_default=False)
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="End after this time.", show_default="the preset's")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same batches.", show_default="the preset's")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output folder if it exists.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")] = False,
) -> None:
    """Train the paper's U-Net; watch it with tensorboard --logdir on the output's folder."""
    import dataclasses

    from vocal_unet.config import PRESETS, TrainConfig, read_json

    settings = TrainConfig.from_dict(read_json(config), str(config)) if config else PRESETS[preset.value]
    if minutes is not None:
        settings = dataclasses.replace(settings, minutes=minutes)
    if seed is not None:
        settings = dataclasses.replace(settings, seed=seed)
    console.import_tensorflow()
    from vocal_unet.training.train import train as run_training

    result = run_training(settings, data, output, force=force)
    console.stderr.print(f"{result.trained_on}: {result.epochs} epochs, {result.steps} steps", soft_wrap=True)
    print(result.folder)

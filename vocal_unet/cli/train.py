"""`vocal-unet train`: the paper's U-Net, or Spleeter's, on a data set or on generated songs."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vocal_unet import console
from vocal_unet.config import PRESETS, read_json
from vocal_unet.errors import ConfigError

if TYPE_CHECKING:
    from vocal_unet.config import TrainConfig


class Preset(str, enum.Enum):
    spleeter, paper, tiny = "spleeter", "paper", "tiny"


class Arch(str, enum.Enum):
    unet, spleeter, coarse = "unet", "spleeter", "coarse"


def train(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder the model is written to.", show_default=False)
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            "-d",
            "--data",
            help="Songs: stems:DIR, musdb:DIR, prepared:DIR, generated:N[:SEED[:SECONDS]], voices:DIR or a sum of these.",
        ),
    ] = "generated:48:0:12",
    validation_data: Annotated[
        str | None, typer.Option(help="Songs to validate with.", show_default="a share of --data")
    ] = None,
    preset: Annotated[Preset, typer.Option(help="Settings to start from.")] = Preset.spleeter,
    config: Annotated[
        Path | None, typer.Option(help="JSON file with settings instead of a preset.", show_default=False)
    ] = None,
    arch: Annotated[Arch | None, typer.Option(help="Which network.", show_default="the preset's")] = None,
    epochs: Annotated[int | None, typer.Option(help="End after so many.", show_default="the preset's")] = None,
    minutes: Annotated[float | None, typer.Option(help="End after this time.", show_default="the preset's")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same batches.", show_default="the preset's")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other setting, such as batch_size=4 or augment.reverb=0.3; may be repeated.",
            show_default=False,
        ),
    ] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="The same bits every time; slower.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only look: shapes, memory, disk, time, whether a small copy learns.")
    ] = False,
    show_config: Annotated[bool, typer.Option("--show-config", help="Only print the settings, for --config.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start anew where the folder holds a model.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")] = False,
) -> None:
    """Train a network; watch it with tensorboard --logdir on the output folder; the same command goes on when interrupted."""
    values = {"arch": arch and arch.value, "epochs": epochs, "minutes": minutes, "seed": seed}
    values |= {"deterministic": deterministic or None}
    if arch is Arch.coarse:
        values["loss"] = "cell_cross_entropy"  # no other is for its cells
    base = read_json(config) if config else PRESETS[preset.value].to_dict()
    settings = _settings(base, str(config or ""), {k: v for k, v in values.items() if v is not None}, change or [])
    if show_config:
        print(json.dumps(settings.to_dict(), indent=2))
        return
    if output is None and not check:
        raise ConfigError("--output is missing: name the folder the model goes to")
    console.import_tensorflow()
    from vocal_unet.training import train as training

    if check:
        training.check(settings, data, output, lambda line: print(line, flush=True), validation_data=validation_data)
        return
    assert output is not None
    result = training.train(settings, data, output, validation_data=validation_data, force=force)
    best = result.best
    console.stderr.print(
        f"{result.trained_on}: {result.epochs} epochs, {result.steps} steps; best after epoch {result.history.best_epoch}: "
        f"loss {best['val_loss']:.4g}, SI-SDR {best['val_si_sdr']:.1f} dB on held-out songs, {best['val_si_sdri']:+.1f} dB over "
        "the mixture",
        soft_wrap=True,
    )
    print(result.folder)


def _settings(base: Any, where: str, values: dict[str, Any], changes: list[str]) -> TrainConfig:
    """A preset's or a file's settings with the flags' values and `--set` in place."""
    from vocal_unet.config import TrainConfig

    TrainConfig.from_dict(base, where)
    base = base | values
    for change in changes:
        name, separator, text = change.partition("=")
        if not separator or not name:
            raise ConfigError(f"--set {change}: must be KEY=VALUE")
        *path, last = name.split(".")
        place = base
        for key in path:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ConfigError(f"--set {change}: {key} holds no settings of its own")
        try:
            place[last] = json.loads(text)
        except json.JSONDecodeError:
            place[last] = text
    return TrainConfig.from_dict(base, "--set" if changes else where)

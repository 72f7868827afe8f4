"""The command `vocal-unet`: a thin door to the package; heavy things are imported inside the commands."""

from __future__ import annotations

import enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from vocal_unet import console, data_cli
from vocal_unet.naming import FILENAME_FORMAT
from vocal_unet.version import __version__

app = typer.Typer(
    help="Isolate vocals from stereo music with a Keras U-Net or Deezer's Spleeter models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(data_cli.app, name="data")

Verbose = Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")]


class Codec(str, enum.Enum):
    wav, mp3, ogg, m4a, wma, flac = "wav", "mp3", "ogg", "m4a", "wma", "flac"


class SampleFormat(str, enum.Enum):
    int16, int24, float32 = "int16", "int24", "float32"


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


@app.command(no_args_is_help=True)
def separate(
    files: Annotated[list[Path], typer.Argument(help="Songs, in any audio format.", show_default=False)],
    model: Annotated[
        str,
        typer.Option(
            "-p",
            "--params_filename",
            "--model",
            help="A folder made by 'vocal-unet train', a Spleeter model such as spleeter:4stems, or a Spleeter JSON file.",
        ),
    ] = "spleeter:2stems",
    output: Annotated[Path, typer.Option("-o", "--output_path", help="Folder the stems are written to.")] = Path(
        "separated"
    ),
    filename_format: Annotated[
        str,
        typer.Option(
            "-f", "--filename_format", help="Names of the files, from {filename}, {instrument}, {foldername}, {codec}."
        ),
    ] = FILENAME_FORMAT,
    codec: Annotated[Codec, typer.Option("-c", "--codec", help="Format of the stems.")] = Codec.wav,
    bitrate: Annotated[str, typer.Option("-b", "--bitrate", help="Bit rate of lossy codecs.")] = "128k",
    sample_format: Annotated[SampleFormat, typer.Option(help="Sample format of wav and flac.")] = SampleFormat.int16,
    offset: Annotated[float, typer.Option("-s", "--offset", min=0, help="Start at this second.")] = 0.0,
    duration: Annotated[
        float | None, typer.Option("-d", "--duration", min=0, help="Take this many seconds.", show_default="all")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Separate songs into their stems."""
    from vocal_unet.audio import probe_audio

    infos = [probe_audio(file) for file in files]
    console.import_tensorflow()
    from vocal_unet.separator import Separator

    separator = Separator(model)
    console.stderr.print(f"{separator.model.name}: {separator.weights}", soft_wrap=True)
    with console.progress_bar() as bar:
        for info in infos:
            seconds = min(duration or float("inf"), (info.duration or 0) - offset) if info.duration else None
            task = bar.add_task(Path(info.path).name, total=seconds)
            paths = separator.separate_to_file(
                info.path,
                output,
                codec=codec.value,
                bitrate=bitrate,
                filename_format=filename_format,
                offset=offset,
                duration=duration,
                sample_format=sample_format.value,
                progress=partial(_advance, bar, task, separator.sample_rate),
            )
            for path in paths.values():
                print(path)


class Preset(str, enum.Enum):
    default, paper, tiny = "default", "paper", "tiny"


@app.command(no_args_is_help=True)
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
    verbose: Verbose = False,
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


def _advance(bar: Progress, task: TaskID, sample_rate: int, samples: int) -> None:
    bar.update(task, completed=samples / sample_rate)


def main() -> None:
    """Entry point of the command."""
    console.run(app)

"""`vocal-unet export`: a model in a format that runs without this package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vocal_unet import console


def export(
    model: Annotated[
        str, typer.Argument(help="A folder made by 'vocal-unet train', spleeter:2stems or a Spleeter JSON file.")
    ],
    output: Annotated[Path, typer.Argument(help="File or folder to write.")],
    format: Annotated[
        str,
        typer.Option(
            "-f", "--format", help="savedmodel, tflite, onnx, keras, or checkpoint for the original Spleeter."
        ),
    ] = "savedmodel",
    precision: Annotated[
        str, typer.Option(help="Of the weights: float32; for tflite also float16 and int8 (dynamic range).")
    ] = "float32",
    clip: Annotated[
        Path | None,
        typer.Option(help="Song to prove the export with.", show_default="a real clip that comes with musdb"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an export that is there.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")] = False,
) -> None:
    """Export a model, run the result in a fresh process, and keep it only if it gives what the model gives."""
    console.import_tensorflow()
    from vocal_unet.export.formats import export_model

    with console.stderr.status("loading") as status:
        proof = export_model(
            model,
            output,
            format,
            precision=precision,
            clip=clip,
            force=force,
            progress=lambda step: status.update(step),
        )
    console.stderr.print(
        f"{format}, {precision}: {proof.decibels:.1f} dB SNR against its source, {proof.bytes / 1e6:.1f} MB, "
        f"loads in {proof.load_seconds:.1f} s, real-time factor {proof.real_time_factor:.3f} "
        f"({1 / proof.real_time_factor:.0f}×)",
        soft_wrap=True,
    )
    print(output)

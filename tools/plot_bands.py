#!/usr/bin/env python
"""Draws docs/images/bands.png, what --band does above 11 kHz: `python tools/plot_bands.py` (needs matplotlib).

The song is the real MUSDB18 clip that stempeg ships; the masks are the ideal ones below 11 kHz, in place of a network's, so
the picture shows the bands and not a model.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from vocal_unet import Framing, read_audio, stft
from vocal_unet.config import Masking
from vocal_unet.masks import stem_masks

TARGET = Path(__file__).parents[1] / "docs" / "images" / "bands.png"
FRAMING = Framing.SPLEETER
VOCALS_STREAM = 4
BANDS = {
    "--band spleeter (default)": "silent above 11 kHz",
    "--band extend": "each mask goes on with its mean",
    "--band rest": "all of it to the accompaniment",
}


def spectrograms() -> dict[str, np.ndarray]:
    """Power spectrograms `(frames, bins)` of the clip's mixture and, per band, of both stems, left channel."""
    spec = importlib.util.find_spec("stempeg")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("stempeg, which brings the clip, is not installed: pip install stempeg")
    clip = next(Path(spec.submodule_search_locations[0]).rglob("*.stem.mp4"))
    mixture, vocals = (np.array(stft(read_audio(clip, stream=s)[0], FRAMING)) for s in (0, VOCALS_STREAM))
    seen = {"vocals": vocals, "accompaniment": mixture - vocals}
    outputs = {stem: np.abs(part)[None, :, : FRAMING.bins] for stem, part in seen.items()}
    pictures = {"mixture": mixture}
    for band in BANDS:
        extension = "average" if "extend" in band else "zeros"
        masks = stem_masks(outputs, tuple(seen), Masking(extension=extension), FRAMING.stft_bins)
        stems = [mask[0].numpy() * mixture for mask in masks]
        if "rest" in band:
            stems[1] = mixture - stems[0]
        pictures.update({f"{stem} {band}": part for stem, part in zip(seen, stems, strict=True)})
    return {name: np.abs(part[..., 0]) ** 2 for name, part in pictures.items()}


def main() -> None:
    pictures = spectrograms()
    loudest = pictures["mixture"].max()
    figure, axes = plt.subplots(2, 4, figsize=(14, 6), sharex=True, sharey=True, constrained_layout=True)
    extent = (0, len(pictures["mixture"]) * FRAMING.frame_step / FRAMING.sample_rate, 0, FRAMING.sample_rate / 2000)

    def draw(axis: plt.Axes, power: np.ndarray, title: str) -> matplotlib.image.AxesImage:
        decibels = 10 * np.log10(np.maximum(power / loudest, 1e-12))
        axis.set_title(title, fontsize=10)
        axis.axhline(FRAMING.bins * FRAMING.sample_rate / FRAMING.frame_length / 1000, color="white", lw=0.8, ls="--")
        return axis.imshow(decibels.T, origin="lower", aspect="auto", extent=extent, vmin=-90, vmax=0, cmap="magma")

    image = draw(axes[0, 0], pictures["mixture"], "mixture")
    axes[1, 0].set_axis_off()
    axes[1, 0].text(
        0.02,
        0.95,
        "Dashed: the highest bin the network sees.\nBelow it the stems are the same\nin every band.\n\n"
        "Only with extend and rest do the\nstems sum to the mixture above it.\n\n(The clip is AAC: it ends at 16 kHz.)",
        transform=axes[1, 0].transAxes,
        va="top",
    )
    for row, stem in enumerate(("vocals", "accompaniment")):
        for column, (band, meaning) in enumerate(BANDS.items(), start=1):
            title = f"{band}\n{meaning}\n\n{stem}" if row == 0 else stem
            draw(axes[row, column], pictures[f"{stem} {band}"], title)
    axes[0, 0].set_ylabel("kHz")
    axes[1, 1].set_ylabel("kHz")
    for axis in axes[1, 1:]:
        axis.set_xlabel("seconds")
    figure.colorbar(image, ax=axes, label="dB below the mixture's loudest", shrink=0.8)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(TARGET, dpi=80)
    print(TARGET)


if __name__ == "__main__":
    main()

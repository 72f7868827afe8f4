"""The original Spleeter 2.4.2 from a wav file to the wav files of its stems: `python separate_file.py DESCRIPTOR SONG FOLDER`.

Runs in Spleeter's environment. Spleeter's own command reads and writes through an ffmpeg binary, which a machine may lack; SciPy
takes its place here, which is the faster of the two. Everything between is Spleeter's own `Separator.separate`.
"""

from __future__ import annotations

import argparse
import os

import numpy as np
from scipy.io import wavfile
from spleeter.separator import Separator
from spleeter_weights import prepare_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("descriptor", "song", "folder"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    separator = Separator(arguments.descriptor, multiprocess=False)
    prepare_weights(separator._params["model_dir"])
    rate, samples = wavfile.read(arguments.song)
    stems = separator.separate(samples.astype(np.float32) / 32768)
    os.makedirs(arguments.folder, exist_ok=True)
    for name, stem in stems.items():
        full = np.clip(np.round(32768 * stem), -32768, 32767).astype(np.int16)
        wavfile.write(os.path.join(arguments.folder, f"{name}.wav"), rate, full)


if __name__ == "__main__":
    main()

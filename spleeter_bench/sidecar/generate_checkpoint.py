"""A checkpoint of Spleeter's own graph with seeded random weights. Runs in Spleeter's environment.

`python generate_checkpoint.py DESCRIPTOR FOLDER [--seed N]` fills FOLDER/MODEL_DIR, to be used as `MODEL_PATH=FOLDER`.
Kernels are He-normal. Each batch normalization gets, layer after layer, the statistics that its input has on seeded
noise, randomly disturbed, as training would leave them: without that the sigmoids saturate and every mask is 0 or 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from spleeter.model import EstimatorSpecBuilder, InputProviderFactory
from spleeter.utils.configuration import load_configuration

SOURCE = ".source.json"
NOISE_SECONDS = 11
LOGIT_GAIN = 1.5
v1 = tf.compat.v1


def generate(params: Mapping[str, Any], folder: str, seed: int) -> None:
    """Write the checkpoint of the model `params` describes into the folder `folder`, which is replaced."""
    generator = np.random.RandomState(seed)
    with tf.Graph().as_default() as graph, v1.Session() as session:
        provider = InputProviderFactory.get(params)
        features = provider.get_input_dict_placeholders()
        waveform = noise(generator, NOISE_SECONDS * params["sample_rate"], params["n_channels"])
        feed = provider.get_feed_dict(features, waveform, "noise")
        EstimatorSpecBuilder(features, params).build_predict_model()
        v1.train.create_global_step()
        session.run(v1.global_variables_initializer())
        variables = {variable.op.name: variable for variable in v1.global_variables()}
        draw_convolutions(generator, variables, session)
        draw_normalizations(generator, variables, session, graph, feed)
        save(session, folder, seed)


def noise(generator: np.random.RandomState, samples: int, channels: int) -> np.ndarray:
    """Stereo noise as loud and as bass-heavy as music: float32 `(samples, channels)`, RMS 0.1, power falling as 1/f."""
    spectrum = np.fft.rfft(generator.standard_normal((samples, channels)), axis=0)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1))[:, None], samples, axis=0)
    swell = np.sin(np.linspace(0, 8 * np.pi, samples))[:, None] ** 2
    return (0.1 * pink * swell / np.sqrt(np.mean((pink * swell) ** 2))).astype(np.float32)


def draw_convolutions(generator: np.random.RandomState, variables: Mapping[str, Any], session: Any) -> None:
    for name, variable in variables.items():
        layer, _, kind = name.rpartition("/")
        shape = variable.shape.as_list()
        if kind == "bias":
            variable.load(0.1 * generator.standard_normal(shape).astype(np.float32), session)
        elif kind == "kernel":
            outputs = shape[-2] if layer.startswith("conv2d_transpose") else shape[-1]
            gain = LOGIT_GAIN if shape[:2] == [4, 4] else 1
            deviation = gain * np.sqrt(2 * outputs / np.prod(shape))
            variable.load((deviation * generator.standard_normal(shape)).astype(np.float32), session)


def draw_normalizations(
    generator: np.random.RandomState, variables: Mapping[str, Any], session: Any, graph: Any, feed: Mapping[Any, Any]
) -> None:
    """In the order of creation, which is the data's way through the network: each layer sees those drawn before it."""
    for name in [name for name in variables if name.endswith("/moving_mean")]:
        layer = name.rpartition("/")[0]
        activation = session.run(graph.get_operation_by_name(f"{layer}/cond").inputs[-1], feed)
        mean, variance = activation.mean(axis=(0, 1, 2)), activation.var(axis=(0, 1, 2))
        size = len(mean)
        drawn = {
            "gamma": generator.uniform(0.7, 1.3, size),
            "beta": 0.3 * generator.standard_normal(size),
            "moving_mean": mean + 0.2 * np.sqrt(variance) * generator.standard_normal(size),
            "moving_variance": np.maximum(variance * generator.uniform(0.7, 1.4, size), 1e-3),
        }
        for kind, values in drawn.items():
            variables[f"{layer}/{kind}"].load(values.astype(np.float32), session)


def save(session: Any, folder: str, seed: int) -> None:
    partial = f"{folder}.{os.getpid()}.part"
    try:
        os.makedirs(partial)
        v1.train.Saver(save_relative_paths=True).save(session, os.path.join(partial, "model"), global_step=0)
        with open(os.path.join(partial, ".probe"), "w", encoding="ascii") as stream:
            stream.write("OK")
        with open(os.path.join(partial, SOURCE), "w", encoding="utf-8") as stream:
            json.dump({"source": "generated", "seed": seed}, stream)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_to_overwrite(folder: str) -> None:
    """Random weights may replace random weights and nothing else."""
    if not os.path.isdir(folder) or not os.listdir(folder):
        return
    try:
        with open(os.path.join(folder, SOURCE), encoding="utf-8") as stream:
            generated = json.load(stream)["source"] == "generated"
    except (OSError, ValueError, KeyError, TypeError):
        generated = False
    if not generated:
        sys.exit(f"{folder} holds something else than generated weights; choose another folder or delete it")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("descriptor", help="spleeter:2stems, … or a JSON file")
    parser.add_argument("folder", help="what MODEL_PATH will be")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    params = load_configuration(arguments.descriptor)
    folder = os.path.join(os.path.abspath(arguments.folder), params["model_dir"])
    refuse_to_overwrite(folder)
    generate(params, folder, arguments.seed)
    print(folder)


if __name__ == "__main__":
    main()

"""An ONNX file with the STFT, its inverse and a stream inside, in standard operators alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from vocal_unet.errors import ModelError
from vocal_unet.export.savedmodel import STATE_PREFIX, as_many_channels
from vocal_unet.export.segments import separate_segment
from vocal_unet.export.stream import STATE, StreamGraph
from vocal_unet.exported import first_line
from vocal_unet.exported.onnx import METADATA
from vocal_unet.loading import LoadedModel

OPSET = 17


def write_onnx(model: LoadedModel, path: Path, description: str, card: str) -> None:
    """Write `path`.

    Inputs: `waveform` float32 `(samples, channels)`, and, each with a default, `end` and the state of a stream. Left out,
    the waveform is a whole song. Outputs: a waveform per stem, and the state.

    Raises:
        ModelError: the network has an operation that ONNX lacks.
    """
    import onnx
    import tf2onnx

    framing, stems = model.framing, model.stems
    stream = StreamGraph(lambda samples, valid: separate_segment(model, samples, valid), framing, len(stems))
    pending, tail, skip = stream.start()
    defaults = {
        STATE_PREFIX + "pending": pending[0].numpy(),
        STATE_PREFIX + "tail": tail[:, 0].numpy(),
        STATE_PREFIX + "skip": skip.numpy(),
        "end": np.array(True),
    }
    signature = [
        tf.TensorSpec([None, None], tf.float32, "waveform"),
        tf.TensorSpec([None, framing.channels], tf.float32, STATE_PREFIX + "pending"),
        tf.TensorSpec(tail[:, 0].shape, tf.float32, STATE_PREFIX + "tail"),
        tf.TensorSpec([], tf.int32, STATE_PREFIX + "skip"),
        tf.TensorSpec([], tf.bool, "end"),
    ]

    @tf.function(input_signature=signature)
    def separate(
        waveform: tf.Tensor, pending: tf.Tensor, tail: tf.Tensor, skip: tf.Tensor, end: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        pending = tf.concat([pending, as_many_channels(waveform, framing.channels)], axis=0)
        finished, pending, tail, skip = stream.advance(pending[tf.newaxis], tail[:, tf.newaxis], skip, end)
        state = zip(STATE, (pending[0], tail[:, 0], skip), strict=True)
        return {
            **{stem: finished[:, index, 0] for index, stem in enumerate(stems)},
            **{f"{STATE_PREFIX}{key}_out": value for key, value in state},
        }

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    try:
        graph, _ = tf2onnx.convert.from_function(separate, input_signature=signature, opset=OPSET)
    except Exception as error:  # tf2onnx raises whatever its handlers raise
        raise ModelError(f"{model.name}: cannot be converted to ONNX ({first_line(error)})") from error
    _hoist_loop_constants(graph.graph)
    _write_out(graph.graph)
    unknown = sorted({node.op_type for node in _nodes(graph.graph) if not onnx.defs.has(node.op_type, node.domain)})
    if unknown:
        raise ModelError(f"{model.name}: ONNX cannot carry {', '.join(unknown)}, which the network uses")
    graph.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in defaults.items())
    onnx.helper.set_model_props(graph, {METADATA: description, "model_card": card})
    onnx.save(graph, str(path))


def _hoist_loop_constants(graph: Any) -> None:
    """Let the body of a Loop see what it hands on unchanged, the weights, from outside instead of carrying it around.

    Only then does ONNX Runtime know that they are constant, and lays them out for its convolutions once.
    """
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    for loop in (node for node in graph.node if node.op_type == "Loop"):
        (body,) = (attribute.g for attribute in loop.attribute if attribute.name == "body")
        outer = {}
        # after the trip count and the condition, inputs are carried; so are outputs after the condition
        for index in reversed(range(len(loop.input) - 2)):
            name = body.input[index + 2].name
            if body.output[index + 1].name == name and loop.output[index] not in used:
                outer[name] = loop.input[index + 2]
                del loop.input[index + 2], body.input[index + 2], body.output[index + 1], loop.output[index]
        for node in _nodes(body):
            node.input[:] = [outer.get(name, name) for name in node.input]


def _write_out(graph: Any) -> None:
    """Put simpler operations in place of Sigmoid and Log1p, in a graph and the graphs in it.

    ONNX has no Log1p. ONNX Runtime computes Sigmoid to 1e-7, which is nothing near 1 but a lot of a stem's share where all
    stems are near 0: 70 dB instead of 130 dB for two tones and noise.
    """
    from onnx import TensorProto, helper

    nodes = []
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _write_out(attribute.g)
        steps = {"Sigmoid": ("Neg", "Exp", "Add", "Reciprocal"), "Log1p": ("Add", "Log")}.get(node.op_type)
        if steps is None:
            nodes.append(node)
            continue
        (x,), (y,) = node.input, node.output
        one = f"{y}/one"
        nodes.append(
            helper.make_node("Constant", [], [one], value=helper.make_tensor(one, TensorProto.FLOAT, [], [1.0]))
        )
        for number, step in enumerate(steps, start=1):
            result = y if number == len(steps) else f"{y}/{step}"
            nodes.append(helper.make_node(step, [x, one] if step == "Add" else [x], [result]))
            x = result
    del graph.node[:]
    graph.node.extend(nodes)


def _nodes(graph: Any) -> Iterator[Any]:
    """All nodes of a graph and of the graphs in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)

"""One training step of the original Spleeter on a given batch. Runs in Spleeter's environment.

`python training_step.py CONFIG.json BATCH.npz RESULT.npz` builds Spleeter's own `model_fn` in TRAIN mode, restores the
checkpoint under `MODEL_PATH`, and writes what the step does. BATCH holds `mix_spectrogram` and one `<instrument>_spectrogram` per
stem, float32 `(segments, T, F, 2)`. RESULT holds:

- `loss`, and `loss_again` for the same batch: they differ where dropout is active;
- `loss_in_learning_phase`: the loss with Keras told that it is training, which Spleeter never does;
- `update_ops`: how many updates of moving averages the graph collected;
- `gradient:<variable>` for every variable that is trained;
- `after:<variable>` for every variable after one step of `tf.estimator.Estimator.train`.

`weighted_L1_mask` calls `tf.reduce_mean(keep_dims=…)`, which TensorFlow 2 no longer has, so that training with it fails.
To compare the loss all the same, `keep_dims` is here renamed to what it is called now; nothing else is touched.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from spleeter.model import model_fn
from spleeter.utils.configuration import load_configuration

v1 = tf.compat.v1
WEIGHTS = r"^(conv2d|batch_normalization).*/(kernel|bias|gamma|beta|moving_mean|moving_variance):0$"


def rename_keep_dims() -> None:
    reduce_mean = tf.reduce_mean

    def with_old_name(*arguments: Any, **named: Any) -> Any:
        if "keep_dims" in named:
            named["keepdims"] = named.pop("keep_dims")
        return reduce_mean(*arguments, **named)

    tf.reduce_mean = with_old_name


def split(batch: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> tuple[dict, dict]:
    """What `model_fn` calls features and labels."""
    mixture = f"{params['mix_name']}_spectrogram"
    stems = [f"{instrument}_spectrogram" for instrument in params["instrument_list"]]
    return {mixture: batch["mix_spectrogram"]}, {stem: batch[stem] for stem in stems}


def loss_and_gradients(params: Mapping[str, Any], batch: Mapping[str, np.ndarray], checkpoint: str) -> dict[str, Any]:
    """The numbers of one step, from the graph that `model_fn` builds."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.train.create_global_step()
        features, labels = ({k: tf.constant(v) for k, v in part.items()} for part in split(batch, params))
        loss = model_fn(features, labels, tf.estimator.ModeKeys.TRAIN, params).loss
        trained = v1.trainable_variables()
        # the sixth batch normalization of each stem leads nowhere and has none
        derivatives = dict(zip([v.op.name for v in trained], tf.gradients(loss, trained)))  # noqa: B905 - Python 3.8
        gradients = {f"gradient:{name}": value for name, value in derivatives.items() if value is not None}
        session.run(v1.global_variables_initializer())
        saved = {name for name, _ in tf.train.list_variables(checkpoint)}
        v1.train.Saver([v for v in v1.global_variables() if v.op.name in saved]).restore(session, checkpoint)
        return {
            "loss": session.run(loss),
            "loss_again": session.run(loss),
            "loss_in_learning_phase": session.run(loss, {graph.get_tensor_by_name("keras_learning_phase:0"): True}),
            "update_ops": len(graph.get_collection(v1.GraphKeys.UPDATE_OPS)),
            **session.run(gradients),
        }


def variables_after_a_step(
    params: Mapping[str, Any], batch: Mapping[str, np.ndarray], checkpoint: str
) -> dict[str, np.ndarray]:
    """What `Estimator.train`, as Spleeter's `train` command calls it, leaves in its checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        start = tf.estimator.WarmStartSettings(checkpoint, vars_to_warm_start=[WEIGHTS])
        estimator = tf.estimator.Estimator(model_fn, folder, params=dict(params), warm_start_from=start)
        estimator.train(lambda: tf.data.Dataset.from_tensors(split(batch, params)), steps=1)
        names = [name for name, _ in tf.train.list_variables(checkpoint) if name != "global_step"]
        return {f"after:{name}": estimator.get_variable_value(name) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration", help="a JSON file of Spleeter's")
    parser.add_argument("batch", help=".npz with the batch")
    parser.add_argument("result", help=".npz to write")
    arguments = parser.parse_args()
    params = load_configuration(arguments.configuration)
    checkpoint = tf.train.latest_checkpoint(os.path.join(os.environ["MODEL_PATH"], params["model_dir"]))
    batch = dict(np.load(arguments.batch))
    if params.get("loss_type") == "weighted_L1_mask":
        rename_keep_dims()
    result = loss_and_gradients(params, batch, checkpoint)
    result.update(variables_after_a_step(params, batch, checkpoint))
    np.savez(arguments.result, **result)


if __name__ == "__main__":
    main()

"""One network on two devices learns what it learns on one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

SCRIPT = """
import dataclasses, json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.vocal_unet.test_training import SMALL
from vocal_unet.config import UNetConfig
from vocal_unet.training.train import train
config = dataclasses.replace(
    SMALL, batch_size=4, epochs=3, steps_per_epoch=8, early_stopping=0.0, ema=0.9,
    unet=UNetConfig(filters=(2, 3, 4), dropout=()),
)
curves = []
for name, devices in (("one", None), ("two", ["CPU:0", "CPU:1"])):
    result = train(config, "generated:2:0:12", sys.argv[1] + "/" + name, devices=devices)
    curves.append([[epoch["loss"], epoch["val_loss"]] for epoch in result.history.epochs])
print(json.dumps(curves))
"""


def test_two_devices_give_the_loss_curve_of_one(tmp_path: Path) -> None:
    # Dropout is off, since each device draws its own. In a process of its own: devices are split before TensorFlow starts.
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = json.loads(done.stdout.splitlines()[-1])
    assert len(one) == 3 and one[0][0] > one[-1][0]
    # float32 sums in another order, through 24 steps of Adam, which divides by small numbers
    np.testing.assert_allclose(two, one, rtol=1e-3)

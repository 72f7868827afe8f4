"""Where networks run, how many segments at once, and in what arithmetic."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.conftest import snr
from vocal_unet import Separator, device
from vocal_unet.config import Framing, UNetConfig
from vocal_unet.device import choose_device, segment_bytes, segments_at_once, with_precision
from vocal_unet.errors import ConfigError
from vocal_unet.models.unet import build_unet

SHORT = Framing(frame_length=512, frame_step=128, segment_frames=16, bins=200)


def test_devices_by_name() -> None:
    assert choose_device(None) is None
    assert choose_device("cpu") == choose_device("CPU:0") == "/CPU:0"
    with pytest.raises(ConfigError, match="cpu, gpu or gpu:N, not 'tpu'"):
        choose_device("tpu")
    with pytest.raises(ConfigError, match="no device cpu:7: TensorFlow sees 1 of that kind; leave out --device"):
        choose_device("cpu:7")


@pytest.mark.slow
def test_what_is_asked_for_runs_there(small_spleeter: Path) -> None:
    code = f"""
import numpy as np, tensorflow as tf
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
from vocal_unet import Separator
separator = Separator({str(small_spleeter)!r}, device="cpu:1")
magnitude = np.ones((1, separator.framing.segment_frames, separator.framing.bins, 2), np.float32)
print({{tensor.device.rsplit("/")[-1] for tensor in separator.mask_network(magnitude).values()}})
print({{variable.value.device.rsplit("/")[-1] for variable in separator.model.network.variables}})
separator.separate(np.zeros((30000, 2), np.float32))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == 2 * ["{'device:CPU:1'}"], done.stderr[-2000:]


def test_a_gpu_gets_as_many_segments_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    x = keras.Input((None, 16, 2))
    y = keras.layers.Conv2D(4, 5, 2, "same")(x)
    network = keras.Model(x, keras.layers.Conv2DTranspose(2, 5, 2, "same")(y))
    size = segment_bytes(network, 8)
    assert size == 4 * (8 * 16 * 2 + 4 * 8 * 4 + 8 * 16 * 2)
    assert segments_at_once(network, 8, None) == segments_at_once(network, 8, "/CPU:0") == 1
    for free, expected in ((2 * 5 * size, 5), (0, 1), (10**12, device.MOST_SEGMENTS)):
        monkeypatch.setattr(device, "_free_memory", lambda number, free=free: free)
        assert segments_at_once(network, 8, "/GPU:1") == expected


def test_sixteen_bits_cost_what_they_must(small_spleeter: Path, tone) -> None:
    mixture = tone(60_000)
    whole = Separator(small_spleeter).separate(mixture)
    separator = Separator(small_spleeter, precision="bfloat16")
    half = separator.separate(mixture)
    policies = {layer.dtype_policy.name for layer in separator._graph.network.layers}
    assert policies == {"float32", "mixed_bfloat16"}
    for stem, samples in whole.items():
        # 8 bits a value: -48 dB each
        assert 25 < snr(samples, half[stem]) < 70
        assert half[stem].dtype == np.float32
    network = separator.model.network
    assert with_precision(network, "float32") is network
    with pytest.raises(ConfigError, match="precision must be one of float32, bfloat16, float16, not 'int8'"):
        Separator(small_spleeter, precision="int8")


def test_an_export_runs_where_it_runs(exports: Path) -> None:
    with pytest.raises(ConfigError, match="leave out the device and the precision"):
        Separator(f"savedmodel:{exports / 'savedmodel'}", device="cpu")


def test_a_unet_computes_in_sixteen_bits_too() -> None:
    network = build_unet(SHORT, UNetConfig(filters=(2, 3, 4), dropout=()))
    magnitude = np.random.default_rng(0).gamma(1, 1, (1, *network.input_shape[1:])).astype(np.float32)
    whole, half = (net(magnitude, training=False) for net in (network, with_precision(network, "bfloat16")))
    assert half["mask"].dtype == half["vocals"].dtype == "float32"
    assert 25 < snr(whole["vocals"].numpy(), half["vocals"].numpy()) < 80

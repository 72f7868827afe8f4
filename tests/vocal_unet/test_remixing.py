"""Accompaniments handed on within a batch."""

from __future__ import annotations

import numpy as np

from vocal_unet.data.remixing import remixed


def test_targets_meet_all_accompaniments_at_the_level_of_their_own() -> None:
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(4, 100, 2)).astype(np.float32)
    rests = (rng.normal(size=(4, 100, 2)) * np.array([1, 0.5, 0, 2])[:, None, None]).astype(np.float32)
    targets[3] = 0  # an accompaniment alone; the third is a voice alone
    waveforms = remixed(np.stack([targets + rests, targets], axis=1), 2).numpy()
    assert waveforms.shape == (12, 2, 100, 2)
    np.testing.assert_array_equal(waveforms[:, 1], np.tile(targets, (3, 1, 1)))
    handed_on = waveforms[:, 0] - waveforms[:, 1]
    energies = np.sum(rests**2, axis=(1, 2))
    for times in range(3):
        for number in range(4):
            giver, here = (number - times) % 4, handed_on[4 * times + number]
            level = np.sqrt(energies[number] / energies[giver]) if energies[giver] else 0
            # differences of sums of numbers of some 3
            np.testing.assert_allclose(here, level * rests[giver], atol=2e-6)

"""Training: the network sees batches of windows drawn at random, for a given number of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Integers
from fsictl.model.network import build_network, initial_weights, load_keras, set_weights
from fsictl.model.windows import gather

BATCH = 32

Progress = Callable[[int, int, float], None]
"""Called with the step that ended, the number of steps, and the mean loss so far."""


def no_progress(step: int, total: int, loss: float) -> None:
    """Tell nobody."""


def train_network(
    values: npt.NDArray[np.float32],
    ends: Integers,
    *,
    length: int,
    steps: int,
    seed: int,
    activation: str = "tanh",
    progress: Progress = no_progress,
) -> tuple[Any, float]:
    """A network trained to repeat the windows of scaled ``values`` [rows, features] that end at ``ends``.

    Returns it with the mean loss over the whole training. The same values, seed and machine give the same weights.
    """
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    network = build_network(length, values.shape[1], activation)
    set_weights(network, initial_weights(values.shape[1], rng))
    network.compile(optimizer="adam", loss="mse")
    drawn = ends[rng.integers(0, len(ends), (steps, BATCH))]

    def batches() -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
        for chosen in drawn:
            windows = gather(values, chosen, length)
            yield windows, windows

    def report(batch: int, logs: dict[str, float]) -> None:
        progress(batch + 1, steps, float(logs["loss"]))

    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=report)]
    history = network.fit(batches(), steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=callbacks)
    return network, float(history.history["loss"][-1])

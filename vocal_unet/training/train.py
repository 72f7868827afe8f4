"""Train a network with Keras `compile` and `fit`, from songs to a model folder; what was begun goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from vocal_unet import console
from vocal_unet.config import TrainConfig
from vocal_unet.data.examples import Examples
from vocal_unet.data.excerpts import validation_excerpts
from vocal_unet.data.pipeline import check_framing, crop_framing, songs_own_errors, training_batches
from vocal_unet.data.sources import SongSet, open_songs, split_songs, usable_songs
from vocal_unet.data.waiting import Waiting
from vocal_unet.errors import TrainingError
from vocal_unet.training import preflight
from vocal_unet.training.architectures import Architecture, architecture
from vocal_unet.training.callbacks import Pace, ShowProgress, StopOnNaN
from vocal_unet.training.checkpoints import read_weights
from vocal_unet.training.devices import make_deterministic, precision, strategy, synchronise_statistics
from vocal_unet.training.media import Media
from vocal_unet.training.model_folder import describe, save_model
from vocal_unet.training.progress import History, Judge, Keeper
from vocal_unet.training.run_folder import RunFolder, Spec
from vocal_unet.training.validation import Validation


@dataclass(frozen=True)
class TrainResult:
    """What a training run came to."""

    folder: Path
    trained_on: str
    steps: int
    minutes: float
    history: History
    """What was found after every epoch."""

    @property
    def epochs(self) -> int:
        """How many epochs were trained, the last one perhaps not to its end."""
        return len(self.history.epochs)

    @property
    def best(self) -> dict[str, float]:
        """The scores of the epoch whose weights are the model's."""
        return self.history.epochs[self.history.best_epoch - 1]


@dataclass(frozen=True)
class Songs:
    """What a training learns from and is judged by."""

    training: SongSet
    held_out: SongSet
    left_out: list[str]
    stems: tuple[str, str]
    """Names of the target and of the rest."""


def find_songs(config: TrainConfig, data: str, validation_data: str | None = None) -> Songs:
    """Open, check and split the songs; with `validation_data` there is nothing to split.

    Raises:
        DataError, AudioError: they cannot be used.
    """
    check_framing(config.framing)
    found, left_out = usable_songs(open_songs(data), config.target, config.bad_songs)
    if validation_data is None:
        training, held_out = split_songs(found, config.validation_songs)
    else:
        training = found
        held_out, more = usable_songs(open_songs(validation_data), config.target, config.bad_songs)
        left_out += more
    others = {stem for song in found.songs for stem in song.stem_names} - {config.target}
    rest = "accompaniment" if config.target == "vocals" else others.pop() if len(others) == 1 else "rest"
    return Songs(training, held_out, left_out, (config.target, rest))


def train(
    config: TrainConfig,
    data: str,
    out: str | Path,
    *,
    validation_data: str | None = None,
    force: bool = False,
    devices: Sequence[str] | None = None,
) -> TrainResult:
    """Train a network and write it as a model folder, or go on where the same training was interrupted.

    The folder holds TensorBoard's logs in `tensorboard/`, and in `checkpoints/` what the training goes on from and the best
    weights. `model.keras` (for whole segments, ready to separate), `model_card.md` and, last, `config.json` are written at
    the end. An interrupted training goes on from its last epoch: weights, optimizer, schedule, data and scores are as if
    nothing had happened.

    Args:
        config: all settings; with `minutes` set, generating or reading the songs counts too.
        data: what `open_songs` takes.
        out: folder to write.
        validation_data: songs to validate with, in place of a share of `data`.
        force: start anew where `out` holds a model or a training. What was there is kept until the new model is complete.
        devices: what `devices.strategy` takes.

    Raises:
        ConfigError: a setting is out of range, or `out` holds a training with other settings.
        DataError, AudioError: the songs cannot be used.
        OutputError: `out` exists already or cannot be written.
        TrainingError: the loss became NaN, or memory ran out.
        ModelError: the checkpoint of an interrupted training is damaged.
    """
    started = time.monotonic()
    folder = RunFolder(Path(out))
    spec = _spec(data, validation_data)
    folder.check(config, spec, force=force)
    songs = find_songs(config, data, validation_data)
    if songs.left_out:
        first = songs.left_out[0]
        console.stderr.print(f"left out {len(songs.left_out)} songs that cannot be used, first {first}", soft_wrap=True)
    make_deterministic(config)
    with folder.opened(config, spec, force=force) as goes_on, console.progress_bar() as bar:
        examples = Examples(songs.training, config)
        plan = architecture(config, songs.stems)
        with songs_own_errors(examples), _memory_errors(config):
            task = bar.add_task("songs", total=examples.songs_at_once)
            examples.preload(progress=lambda: bar.advance(task))
            excerpts = validation_excerpts(songs.held_out, config)
            keras.utils.set_random_seed(config.seed)
            network = _network(plan, devices)
            preflight.require_room(preflight.estimate(network, config), folder.path, config)
            if not goes_on:
                _try_learning(examples, songs)
                keras.utils.set_random_seed(config.seed)
            whole = plan.build(config.framing)
            pace, waiting = Pace(config, started), Waiting()
            judge = Judge(Validation(whole, plan, excerpts), config, pace, waiting)
            keeper = Keeper(folder, config, pace, judge)
            if goes_on:
                keeper.restore(network)
                console.stderr.print(f"going on after epoch {len(keeper.history.epochs)}", soft_wrap=True)
            done = len(keeper.history.epochs)
            if not done or (pace.share < 1 and not keeper.stalled):
                callbacks = [
                    pace,
                    StopOnNaN(),
                    judge,
                    keras.callbacks.TensorBoard(folder.logs, write_graph=not goes_on, profile_batch=_profile(config)),
                    Media(folder.logs, judge.validation, config, pace, done),
                    keeper,
                    ShowProgress(bar, pace),
                ]
                batches = _with_targets(training_batches(examples, pace.steps, rest=plan.learns_rest), plan)
                _fit(network, waiting.watch(batches), config, done, callbacks)
        history = keeper.history
        whole.set_weights(read_weights(folder.best))
        minutes = history.seconds / 60
        trained_on = f"{_minutes(minutes)} on {describe(data, len(songs.training))}"
        result = TrainResult(folder.path, trained_on, history.steps, minutes, history)
        save_model(folder.path, whole, plan, data=data, minutes=minutes, trained_on=trained_on, history=history)
    return result


def _spec(data: str, validation_data: str | None) -> Spec:
    return data if validation_data is None else {"training": data, "validation": validation_data}


def _network(plan: Architecture, devices: Sequence[str] | None = None) -> keras.Model:
    """The compiled network for crops, on all devices."""
    config = plan.config
    chosen = strategy(devices)
    with chosen.scope(), precision(config):
        network = plan.build(crop_framing(config))
        if chosen.num_replicas_in_sync > 1:
            synchronise_statistics(network)
        optimizer = keras.optimizers.AdamW(
            config.learning_rate,
            weight_decay=config.weight_decay,
            global_clipnorm=config.clip_norm or None,
            use_ema=bool(config.ema),
            ema_momentum=config.ema or 0.99,
        )
        preflight.compile_network(network, plan, optimizer)
    return network


def _fit(
    network: keras.Model,
    batches: tf.data.Dataset,
    config: TrainConfig,
    first_epoch: int,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    try:
        network.fit(
            batches,
            epochs=config.epochs,
            initial_epoch=first_epoch,
            steps_per_epoch=config.steps_per_epoch,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on after the last whole epoch") from None


def _with_targets(batches: tf.data.Dataset, plan: Architecture) -> tf.data.Dataset:
    """Magnitudes → pairs (mixture, {output: what the loss compares it with})."""
    return batches.map(lambda mixture, *others: (mixture, plan.targets(mixture, others[0], (*others, None)[1])))


def _try_learning(examples: Examples, songs: Songs) -> None:
    """A quick rehearsal; training goes on in any case, since one odd batch proves little."""
    batch = next(iter(training_batches(examples, rest=True)))
    try:
        preflight.require_learning(*preflight.overfit(examples.config, songs.stems, batch))
    except TrainingError as error:
        console.stderr.print(f"warning: {console.one_line(error)}", soft_wrap=True)


@contextmanager
def _memory_errors(config: TrainConfig) -> Iterator[None]:
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise TrainingError(
            f"out of memory with batch_size {config.batch_size} and crop_frames {config.crop_frames}; make one of them "
            "smaller and start anew with --force (the last checkpoint is kept)"
        ) from error


def _profile(config: TrainConfig) -> tuple[int, int] | int:
    return (config.profile[0], config.profile[1]) if config.profile[1] else 0


def _minutes(minutes: float) -> str:
    rounded = f"{minutes:.0f}" if minutes >= 1.5 else f"{minutes:.1g}" if minutes < 0.95 else "1"
    return f"{rounded} minute{'' if rounded == '1' else 's'}"


def check(
    config: TrainConfig,
    data: str,
    out: str | Path | None,
    report: Callable[[str], None],
    *,
    validation_data: str | None = None,
) -> None:
    """Look at everything a training needs, in seconds, and write nothing.

    Args:
        config: the settings.
        data: the songs.
        out: where the model would go.
        report: called with one line per finding.
        validation_data: as `train` takes it.

    Raises:
        VocalUnetError: what `train` would raise, or TrainingError where a small copy of the network does not learn.
    """
    folder = RunFolder(Path(out) if out else Path.cwd() / "model")
    if out:
        folder.check(config, _spec(data, validation_data), force=False)
    songs = find_songs(config, data, validation_data)
    report(f"songs: {len(songs.training)} to train on, {len(songs.held_out)} for validation")
    for line in songs.left_out:
        report(f"left out: {line}")
    make_deterministic(config)
    examples = Examples(songs.training, config)
    plan = architecture(config, songs.stems)
    with songs_own_errors(examples), _memory_errors(config):
        network = _network(plan)
        needs = preflight.estimate(network, config)
        shape = " × ".join(str(size) for size in needs.input_shape)
        report(f"network: {config.arch}, {needs.parameters:,} parameters, input {shape} (frames × bins × channels)")
        report(f"memory: about {needs.memory_bytes / 1e9:.1f} GB, and up to {config.memory_mb / 1e3:.1f} GB of songs")
        report(f"disk: about {needs.disk_bytes / 1e6:.0f} MB and TensorBoard's logs")
        preflight.require_room(needs, folder.path, config)
        batches = training_batches(examples, rest=True)
        before, after = preflight.overfit(config, songs.stems, next(iter(batches)))
        report(f"a small copy learning one batch by heart: loss {before:.4g}, then {after:.4g}")
        preflight.require_learning(before, after)
        seconds = preflight.seconds_per_step(network, _with_targets(batches, plan))
        epoch = seconds * config.steps_per_epoch
        report(
            f"time: {seconds:.2f} s per step, {epoch / 60:.1f} min per epoch, {epoch * config.epochs / 3600:.1f} h in all"
        )

"""A run that was interrupted at any step ends as one that never was, bit by bit."""

import itertools
import signal
import sys

import keras
import pytest
from exact_runs import EPOCHS, STEPS, assert_same, assert_same_run, new_model, train
from rich.console import Console
from rich.file_proxy import FileProxy

from keras_lwm.run_folder import RunFolder, TrainingStopped
from keras_lwm.run_folder.state import read_state, restore_generators, restore_state
from keras_lwm.run_folder.stopping import StopSignals


class InterruptAt(keras.callbacks.Callback):
    """Calls a function at one moment: ("step", epoch, step), ("validation", epoch), ..."""

    def __init__(self, moment, interrupt):
        super().__init__()
        self.moment = moment
        self.interrupt = interrupt
        self.epoch = None

    def _now(self, *moment):
        if moment == self.moment:
            self.interrupt()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self._now("step", self.epoch, batch)

    def on_test_batch_end(self, batch, logs=None):
        self._now("validation", self.epoch)

    def on_epoch_end(self, epoch, logs=None):
        self._now("end", epoch)


class Moments(keras.callbacks.Callback):
    """Writes down what a callback is called for."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.epoch = None

    def on_train_begin(self, logs=None):
        self.seen.append("begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append((self.epoch, batch))

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((self.epoch, batch))

    def on_train_end(self, logs=None):
        self.seen.append("end")


class Killed(BaseException):
    pass


def kill():
    raise Killed


def restore_all(model, arrays):
    restore_state(model, arrays)
    restore_generators(arrays)


@pytest.fixture(scope="module")
def models():
    """A model that runs are begun with, its first state, and another that they are resumed with."""
    begun, resumed = new_model(), new_model()
    begun.optimizer.build(begun.trainable_variables)
    return begun, read_state(begun), resumed


@pytest.fixture(scope="module")
def unbroken(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    model, first, _ = models
    restore_all(model, first)
    train(folder, model)
    return folder, read_state(model)


@pytest.mark.parametrize(
    ("moment", "interrupt", "options", "goes_on_at"),
    [
        # A signal ends the step: that one is saved.
        (("step", 0, 0), lambda: signal.raise_signal(signal.SIGTERM), {}, (0, 1)),
        # In a validation it ends that: the last step is taken again, and all of the validation.
        (("validation", 1), lambda: signal.raise_signal(signal.SIGINT), {}, (1, 2)),
        (("end", 0), lambda: signal.raise_signal(signal.SIGTERM), {}, (1, 0)),
        # Killed: the last checkpoint is what there is.
        (("step", 1, 1), kill, {"save_every": 1}, (1, 1)),
    ],
)
def test_an_interrupted_run_ends_as_an_unbroken_one(
    models, unbroken, tmp_path, moment, interrupt, options, goes_on_at
):
    begun, first, resumed = models
    restore_all(begun, first)
    folder = tmp_path / "run"
    with pytest.raises((TrainingStopped, Killed)):
        train(folder, begun, [InterruptAt(moment, interrupt)], **options)
    run = RunFolder(folder, resume=True)
    assert (run.initial_epoch, run.initial_step) == goes_on_at
    moments = Moments()
    train(folder, resumed, [moments])
    steps = itertools.product(range(EPOCHS), range(STEPS))
    rest = [step for step in steps if step >= goes_on_at for _ in ("begins", "ends")]
    assert moments.seen == ["begin", *rest, "end"]
    whole, state = unbroken
    assert_same(read_state(resumed), state)
    assert_same_run(folder, whole)


def test_handlers_of_signals_are_as_before_after_a_training_and_after_a_first_signal():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def handlers():
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    with StopSignals() as stop:
        assert not set(handlers()) & set(before) and stop.received is None
    assert handlers() == before
    with StopSignals() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.received == signal.SIGTERM and handlers() == before
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_first_signal_is_answered_without_spoiling_a_block_of_the_terminal(capfd, monkeypatch):
    sentence = "Stopping after this step; a second signal ends it at once."
    with StopSignals():
        signal.raise_signal(signal.SIGTERM)
    assert capfd.readouterr().err == f"\n{sentence}\n"
    monkeypatch.setattr(sys, "stderr", FileProxy(Console(), sys.stderr))
    with StopSignals():
        signal.raise_signal(signal.SIGTERM)
    # In the block's last line, where the cursor stays.
    assert capfd.readouterr().err == f"\r\x1b[K{sentence}"


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.received is None
    finally:
        signal.signal(signal.SIGINT, before)

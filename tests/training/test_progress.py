"""What is shown of a training: it is true, fits the terminal, and leaves a log plain."""

import io
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from rich.console import Console
from training_samples import tiny_batch, tiny_network

from keras_lwm import CurriculumCallback, DepthPrivilegedModel
from keras_lwm.training import ProgressLine, progress
from keras_lwm.training.progress_block import State, epoch_line, progress_block
from keras_lwm.training.running_logs import running_logs

LOGS = {
    **{"loss": 1.2345, "segmentation_loss": 0.8, "side_8_loss": 0.9, "side_16_loss": 1.0},
    **{"side_32_loss": 1.1, "depth_loss": 0.5, "mean_iou": 0.4567, "coefficient": 0.25},
    **{"learning_rate": 1.23e-3, "skipped_steps": 2.0},
}
STATE = State(
    **{"epochs": 120, "epoch": 9, "steps": 62, "step": 33, "logs": LOGS, "validated": 0.4},
    **{"frames_per_second": 38.14, "epoch_left": 41.2, "run_left": 3725.0, "at_least": False},
    **{
        "best": (0.5, 7),
        "memory": {"peak memory": 1.94, "on the GPU": 6.25},
        "epoch_seconds": 62.0,
    },
)


@pytest.fixture(scope="module")
def model():
    network = tiny_network()
    model = DepthPrivilegedModel(network)
    model.compile(keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-3, 100)))
    return model


def terminal(width=80):
    return Console(file=io.StringIO(), force_terminal=True, width=width, record=True)


def batches(number):
    image, targets = tiny_batch(2)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return number

        def __getitem__(self, index):
            return np.roll(image, index, 2), targets

    return Batches()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_block_is_whole_in_any_terminal(width):
    console = terminal(width)
    console.print(progress_block(STATE))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for shown in (
        *("epoch 9/120", "step 33/62", "0:00:41 of this epoch, 1:02:05 of the run"),
        "1.234: segmentation 0.800, sides 0.900 1.000 1.100, depth 0.500",
        "45.7 %, validation 40.0 %, best 50.0 % after epoch 7",
        *(
            "0.25, learning rate 0.0012",
            "38.1 frames/s, peak memory 1.9 GB, on the GPU 6.2 GB",
            "2 steps",
        ),
    ):
        assert shown in text
    assert width < 80 or len(lines) == 7


def test_an_epochs_line_has_what_fits():
    state = State(**{**vars(STATE), "best": (0.5, 9), "logs": {**LOGS, "val_mean_iou": 0.5}})
    assert epoch_line(state, 100) == (
        "epoch   9/120  loss 1.234  mIoU 45.7 %, val 50.0 %  38.1 frames/s  0:01:02  "
        "skipped 2 steps  best"
    )
    plain = State(**{**vars(state), "logs": {**state.logs, "skipped_steps": 0.0}, "best": None})
    assert len(epoch_line(plain, 80)) <= 80 and epoch_line(plain, 80).endswith("0:01:02")
    assert epoch_line(plain, 60) == "epoch   9/120  loss 1.234  mIoU 45.7 %, val 50.0 %"


def test_nothing_known_is_shown_as_such():
    console = terminal()
    console.print(progress_block(State(epochs=2, logs={"loss": float("nan")})))
    assert not re.search(r"nan|None|inf\b", console.export_text())


def test_logs_within_an_epoch_are_those_that_keras_comes_to(model):
    class Compare(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.own, self.logs = running_logs(self.model), dict(logs)

    compare = Compare()
    model.fit(batches(3), epochs=1, callbacks=[CurriculumCallback(), compare], verbose=0)
    own = compare.own
    assert own.pop("images") == 6 and 0 < own.pop("learning_rate") < 1e-3
    assert len(own) > 6
    for name, value in own.items():
        assert value == pytest.approx(compare.logs[name], rel=1e-5), name


def test_a_training_ends_in_a_line_an_epoch(model, capsys):
    console = terminal()
    model.fit(
        batches(3),
        epochs=2,
        validation_data=batches(2),
        callbacks=[CurriculumCallback(), ProgressLine(console=console)],
        verbose=0,
    )
    drawn = console.file.getvalue()
    for shown in ("step 0/3", "validating, batch 0", "saving", "of the run", "learning rate"):
        assert shown in drawn
    lines = [line for line in drawn.splitlines() if "loss" in line and "epoch" in line]
    history = model.history.history
    for index, line in enumerate(lines):
        assert f"loss {history['loss'][index]:.3f}" in line
        assert f"val {100 * history['val_mean_iou'][index]:.1f} %" in line
    assert len(lines) == 2 and capsys.readouterr().out == ""
    model.fit(batches(3), epochs=2, callbacks=[ProgressLine()], verbose=0)
    plain = capsys.readouterr().out
    assert re.fullmatch(r"(epoch \d/2  loss [\d.]+  mIoU [\d.]+ %  [^\n]+\n){2}", plain)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", plain)


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if batch == 2:
            raise KeyboardInterrupt


def test_a_training_that_is_interrupted_leaves_the_terminal_in_order(model):
    for console in (terminal(), terminal()):  # The second one is not within the first.
        line = ProgressLine(console=console)
        with pytest.raises(KeyboardInterrupt):
            model.fit(batches(3), callbacks=[line, Interrupt()], verbose=0)
        assert console.file.getvalue().endswith("\n\x1b[?25h") and "step" in console.export_text()


def test_an_evaluation_shows_nothing(model):
    x, y = tiny_batch(2)
    console = terminal(80)
    model.evaluate(x, y, verbose=0, callbacks=[ProgressLine(console=console)])
    assert console.file.getvalue() == ""


def test_a_log_that_cannot_be_written_to_ends_in_one_error(model):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    x, y = tiny_batch(2)
    line = ProgressLine(console=Console(file=Full()))
    with pytest.raises(OSError, match="No space left") as raised:
        model.fit(x, y, verbose=0, callbacks=[line])
    assert raised.value.__context__ is None


def test_another_model_is_refused_before_it_is_trained():
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.compile("sgd", "mse")
    with pytest.raises(ValueError, match="of a DepthPrivilegedModel; received a Sequential"):
        other.fit(np.ones((4, 2)), np.ones(4), callbacks=[ProgressLine()], verbose=0)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set, and a model that has seen so many images."""
    clock = SimpleNamespace(now=0.0, images=0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(progress, "running_logs", lambda model: {**LOGS, "images": clock.images})
    return clock


def test_speed_and_time_left_are_without_the_step_that_compiles_and_with_validation(clock):
    line = ProgressLine(best=(0.9, 1), console=terminal(120))
    line.set_model(SimpleNamespace(steps_per_execution=1, mean_logs={}))
    line.set_params({"epochs": 4, "steps": 10})
    line._block.due = lambda: True
    state = lambda: line._state  # noqa: E731
    line.on_train_begin()
    for epoch, first in ((1, 7), (2, 0)):
        line.on_epoch_begin(epoch)
        for step in range(first, 10):
            line.on_train_batch_begin(step)
            assert state().step == step
            if epoch == 1 and step == 9:
                assert state().frames_per_second == pytest.approx(8 / 2)
                assert state().epoch_left == pytest.approx(2)
                # Two more epochs of ten steps; how long validations take is not known yet.
                assert state().run_left == pytest.approx(2 + 2 * 20) and state().at_least
            clock.now += 100 if step == first else 2
            clock.images += 8
        line.on_test_begin()
        clock.now += 5
        line.on_test_batch_begin(0)
        line.on_test_end()
        line.on_epoch_end(epoch, {**LOGS, "val_mean_iou": 0.5})
        assert state().epoch_seconds == (109 if epoch == 1 else 123)
        assert state().best == (0.9, 1) and state().frames_per_second == pytest.approx(4)
        clock.now += 3  # to save
    assert state().run_left == pytest.approx(3 + 20 + 8) and not state().at_least
    shown = line._block._console.export_text()
    assert "0:01:49 from step 8" in shown and "step 7/10" in shown and "step 0/10" in shown

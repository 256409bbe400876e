import sys

import numpy as np
import pytest

from keras_lwm.training import ProgressLine


@pytest.mark.parametrize("terminal", [True, False])
def test_an_epoch_is_shown_in_lines_that_fit_a_terminal(capsys, monkeypatch, terminal):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    line = ProgressLine()
    line.set_params({"epochs": 3, "steps": 2})
    line.on_epoch_begin(1)
    line.on_train_batch_begin(0)
    logs = {f"log_{number}": 1.0 for number in range(20)}
    logs |= {"loss": np.float32(1.25), "mean_iou": 0.5, "skipped_steps": 0.0}
    line.on_train_batch_end(0, logs)
    line.on_epoch_end(1, {**logs, "val_mean_iou": 0.75, "skipped_steps": 1.0})
    shown = capsys.readouterr().out
    assert shown.startswith("Epoch 2/3\n")
    assert "loss: 1.25" in shown and "val_mean_iou: 0.75" in shown and "skipped_steps: 1" in shown
    assert "log_0" not in shown
    plain = shown.replace("\x08", "").split("\n")
    assert max(len(part) for one in plain for part in one.split("\r")) < 160
    assert terminal or shown.count("\n") == 2 and "1/2" not in shown


def test_of_an_epoch_that_a_run_goes_on_within_the_steps_left_are_counted(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    line = ProgressLine()
    line.set_params({"epochs": 3, "steps": 10})
    line.on_epoch_begin(1)
    for batch in (7, 8, 9):
        line.on_train_batch_begin(batch)
        line.on_train_batch_end(batch, {"loss": 1.0})
    line.on_epoch_end(1, {"loss": 1.0})
    shown = capsys.readouterr().out
    assert shown.startswith("Epoch 2/3\nafter its first 7 steps\n")
    assert "3/3" in shown and "10/10" not in shown

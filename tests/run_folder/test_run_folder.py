import csv
import importlib.util
import json

import keras
import numpy as np
import pytest

from keras_lwm.description import Description
from keras_lwm.run_folder import RunFolder
from keras_lwm.run_folder.checkpoints import SaveLast, read_description, read_progress

OPTIONS = {"weighting": "full", "epochs": 3, "crop": (240, 320)}
CLASSES = {"class_names": ["wall", "floor"], "palette": [[1, 2, 3], [4, 5, 6]]}


def tiny_model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model


def fit(run, model, epochs, extra=(), **options):
    x = np.arange(8, dtype="float32").reshape(4, 2) / 8
    return model.fit(
        x,
        x[:, :1],
        batch_size=2,
        shuffle=False,
        epochs=epochs,
        initial_epoch=run.initial_epoch,
        callbacks=[*extra, *run.callbacks(monitor="loss", mode="min")],
        verbose=0,
        **options,
    )


def history(run):
    with open(run.history_path, newline="") as file:
        return list(csv.DictReader(file))


class Killed(BaseException):
    pass


class KillAt(keras.callbacks.Callback):
    """Ends the process's work, as far as Python can, at the end of one epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


def test_a_run_leaves_options_models_history_and_tensorboard(tmp_path):
    run = RunFolder(tmp_path / "deep" / "run", OPTIONS).begin(**CLASSES)
    assert json.loads(run.options_path.read_text()) == run.options
    assert run.options["crop"] == [240, 320]
    model = tiny_model()
    losses = fit(run, model, 3).history["loss"]
    assert [float(row["loss"]) for row in history(run)] == pytest.approx(losses)
    assert [row["epoch"] for row in history(run)] == ["0", "1", "2"]
    assert read_progress(run.last_model_path) == {"epochs": 3}
    assert read_progress(run.best_model_path)["value"] == pytest.approx(min(losses))
    assert any(run.tensorboard_path.rglob("events*"))
    last = keras.models.load_model(run.last_model_path)
    for saved, trained in zip(last.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, trained)
    for path in (run.last_model_path, run.best_model_path):
        assert read_description(path) == Description(**CLASSES, options=run.options)
    names = {path.name for path in run.path.iterdir()}
    assert names == {"options.json", "last.keras", "best.keras", "history.csv", "tensorboard"}


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path):
    whole = tiny_model()
    unbroken = RunFolder(tmp_path / "whole", OPTIONS).begin(**CLASSES)
    fit(unbroken, whole, 4)
    fit(RunFolder(tmp_path / "run", OPTIONS).begin(**CLASSES), tiny_model(), 2)
    run = RunFolder(tmp_path / "run", resume=True).begin(**CLASSES)
    assert run.initial_epoch == 2
    model = keras.models.load_model(run.last_model_path)
    fit(run, model, 4)
    for resumed, expected in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(resumed, expected, rtol=1e-5)
    assert [row["epoch"] for row in history(run)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("before", ["last model", "every file"])
def test_a_run_killed_within_an_epochs_end_repeats_that_epoch(tmp_path, before, monkeypatch):
    run = RunFolder(tmp_path / "run", OPTIONS).begin(**CLASSES)
    with pytest.raises(Killed):
        if before == "every file":
            fit(run, tiny_model(), 3, extra=[KillAt(1)])
        else:
            save = SaveLast.on_epoch_end

            def killed_in_second_epoch(self, epoch, logs=None):
                if epoch == 1:
                    raise Killed
                save(self, epoch, logs)

            monkeypatch.setattr(SaveLast, "on_epoch_end", killed_in_second_epoch)
            fit(run, tiny_model(), 3)
            monkeypatch.undo()
    monkeypatch.undo()
    run = RunFolder(tmp_path / "run", resume=True).begin(**CLASSES)
    assert run.initial_epoch == 1
    fit(run, keras.models.load_model(run.last_model_path), 3)
    assert [row["epoch"] for row in history(run)] == ["0", "1", "2"]


def test_a_run_killed_while_saving_keeps_the_model_before(tmp_path, monkeypatch):
    run = RunFolder(tmp_path / "run", OPTIONS).begin(**CLASSES)
    model = tiny_model()
    fit(run, model, 1)
    weights = model.get_weights()

    def killed_half_way(path, *_, **__):
        path.write_bytes(b"half a model")
        raise Killed

    monkeypatch.setattr(model, "save", killed_half_way)
    with pytest.raises(Killed):
        SaveLast.on_epoch_end(_of(model, run), 1)
    run = RunFolder(tmp_path / "run", resume=True).begin(**CLASSES)
    assert run.initial_epoch == 1
    for saved, before in zip(
        keras.models.load_model(run.last_model_path).get_weights(), weights, strict=True
    ):
        np.testing.assert_array_equal(saved, before)


def _of(model, run):
    callback = SaveLast(run.last_model_path, run.description)
    callback.set_model(model)
    return callback


def test_the_best_model_before_a_resume_is_the_one_to_better(tmp_path):
    run = RunFolder(tmp_path / "run", OPTIONS).begin(**CLASSES)
    best = run.callbacks("score")[-2]
    best.set_model(tiny_model())
    best.on_epoch_end(0, {"score": 0.5})
    best.on_epoch_end(1, {"score": float("nan")})
    resumed = RunFolder(tmp_path / "run", resume=True).begin(**CLASSES).callbacks("score")[-2]
    resumed.set_model(tiny_model())
    resumed.on_epoch_end(2, {"score": 0.4})
    assert read_progress(run.best_model_path) == {"epochs": 1, "monitor": "score", "value": 0.5}
    resumed.on_epoch_end(3, {"score": 0.6})
    assert read_progress(run.best_model_path)["epochs"] == 4


def test_epochs_without_validation_choose_no_best_model_and_leave_cells_empty(tmp_path):
    run = RunFolder(tmp_path / "run", OPTIONS).begin(**CLASSES)
    x = np.ones((2, 2), "float32")
    for epochs in (1, 2, 3):
        tiny_model().fit(
            x,
            x[:, :1],
            validation_data=(x, x[:, :1]),
            validation_freq=2,
            initial_epoch=run.initial_epoch,
            epochs=epochs,
            callbacks=run.callbacks(monitor="val_loss", mode="min"),
            verbose=0,
        )
        run = RunFolder(tmp_path / "run", resume=True).begin(**CLASSES)
    rows = history(run)
    assert all(float(row["loss"]) > 0 for row in rows) and len(rows) == 3


def test_an_unknown_monitor_is_told_at_the_first_epoch(tmp_path):
    best = RunFolder(tmp_path / "run", OPTIONS).begin(**CLASSES).callbacks("val_mIoU")[-2]
    best.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(ValueError, match="'val_mIoU' .* received loss, val_mean_iou"):
        best.on_epoch_end(0, {"loss": 1.0, "val_mean_iou": 0.1})


def test_a_folder_that_holds_another_run_is_refused_and_left_alone(tmp_path):
    run = RunFolder(tmp_path, OPTIONS).begin(**CLASSES)
    before = run.options_path.read_bytes()
    with pytest.raises(ValueError, match=r"holds another run \(options.json\).*--resume.*--out"):
        RunFolder(tmp_path, {"weighting": "uniform"})
    assert run.options_path.read_bytes() == before


def test_nothing_is_written_before_the_run_begins(tmp_path):
    run = RunFolder(tmp_path / "run", OPTIONS)
    assert not run.path.exists()
    assert RunFolder(tmp_path / "run", OPTIONS).options == run.begin(**CLASSES).options
    with pytest.raises(ValueError, match="holds another run"):
        RunFolder(tmp_path / "run", OPTIONS)


def test_a_folder_of_other_things_is_used(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert RunFolder(tmp_path, OPTIONS).begin(**CLASSES).initial_epoch == 0


def test_what_cannot_be_resumed_is_told(tmp_path):
    with pytest.raises(ValueError, match="Expected a run to resume in .*found no options.json"):
        RunFolder(tmp_path / "nowhere", resume=True)
    assert not (tmp_path / "nowhere").exists()
    run = RunFolder(tmp_path / "run", OPTIONS).begin(**CLASSES)
    assert RunFolder(run.path, resume=True).initial_epoch == 0
    assert RunFolder(run.path, {"crop": (240, 320)}, resume=True).options == run.options
    with pytest.raises(ValueError, match="started with weighting='full'; received.*'uniform'"):
        RunFolder(run.path, {"weighting": "uniform"}, resume=True)
    tiny_model().save(run.last_model_path)
    with pytest.raises(ValueError, match="last.keras, which cannot be read as one"):
        RunFolder(run.path, resume=True)
    run.last_model_path.write_bytes(b"not a model")
    with pytest.raises(ValueError, match="last.keras, which cannot be read as one"):
        RunFolder(run.path, resume=True)
    run.options_path.write_text("{")
    with pytest.raises(ValueError, match="options.json is not readable"):
        RunFolder(run.path, resume=True)


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ValueError, match="received the file"):
        RunFolder(tmp_path / "run", OPTIONS)


def test_without_tensorflow_tensorboard_is_left_out_and_said_so(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorflow" else find(name)
    )
    with pytest.warns(UserWarning, match=r"needs tensorflow, not .*keras_lwm\[tensorflow\]"):
        callbacks = RunFolder(tmp_path, OPTIONS).begin(**CLASSES).callbacks()
    assert len(callbacks) == 3

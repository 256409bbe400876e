import csv
import errno
import importlib.util
import json
import shutil
import subprocess
import sys
from collections import namedtuple

import keras
import numpy as np
import pytest

from keras_lwm.description import Description
from keras_lwm.run_folder import RunFolder
from keras_lwm.run_folder.checkpoints import CheckpointFolder, Position, read_arrays
from keras_lwm.run_folder.history import WriteHistory
from keras_lwm.run_folder.models import SaveBest, read_description, read_progress
from keras_lwm.run_folder.training import Interval

OPTIONS = {"weighting": "full", "epochs": 3, "crop": (240, 320)}
CLASSES = {"class_names": ["wall", "floor"], "palette": [[1, 2, 3], [4, 5, 6]]}


def tiny_model(units=1):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    model.compile(keras.optimizers.Adam(0.1), "mse", run_eagerly=True)
    return model


class Batches(keras.utils.PyDataset):
    """Endless batches, two an epoch."""

    num_batches = None

    def __init__(self, epoch, step):
        super().__init__()
        self.first = 2 * epoch + step

    def __getitem__(self, index):
        x = np.full((2, 2), (self.first + index) % 8 / 8, "float32")
        return x, x[:, :1]


def fit(run, model, epochs, extra=(), **options):
    options = {"monitor": "loss", "mode": "min", "verbose": 0, **options}
    return run.fit(model, Batches, 2, epochs, callbacks=extra, **options)


def begun(path, **options):
    return RunFolder(path, OPTIONS, **options).begin(**CLASSES)


def resumed(path, **options):
    return RunFolder(path, resume=True, **options).begin(**CLASSES)


def history(run):
    with open(run.history_path, newline="") as file:
        return list(csv.DictReader(file))


def checkpoints(run):
    return sorted(path.name for path in run.checkpoints_path.iterdir())


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


def test_a_run_leaves_options_models_checkpoints_history_and_tensorboard(tmp_path):
    run = begun(tmp_path / "deep" / "run")
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
    files = {"options.json", "last.keras", "best.keras", "history.csv"}
    assert names == files | {"checkpoints", "tensorboard", ".lock"}
    assert checkpoints(run) == [f"epoch_000{epochs}_step_000000.npz" for epochs in (1, 2, 3)]


def test_a_completed_run_has_nothing_left_to_train(tmp_path):
    model = tiny_model()
    fit(begun(tmp_path / "run"), model, 1)
    run, other = resumed(tmp_path / "run"), tiny_model()
    fit(run, other, 1)
    for now, trained in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(now, trained)
    assert len(history(run)) == 1


@pytest.mark.parametrize("before", ["the checkpoint", "every file"])
def test_a_run_killed_within_an_epochs_end_repeats_that_epoch(tmp_path, before, monkeypatch):
    run = begun(tmp_path / "run")
    if before == "every file":
        with pytest.raises(Killed):
            fit(run, tiny_model(), 3, extra=[KillAt(1)])
    else:
        save = CheckpointFolder.save

        def killed_in_second_epoch(self, position, *arguments):
            if position.epochs == 2:
                raise Killed
            save(self, position, *arguments)

        monkeypatch.setattr(CheckpointFolder, "save", killed_in_second_epoch)
        with pytest.raises(Killed):
            fit(run, tiny_model(), 3)
        monkeypatch.undo()
    run = resumed(tmp_path / "run")
    assert run.initial_epoch == 1
    fit(run, tiny_model(), 3)
    assert [row["epoch"] for row in history(run)] == ["0", "1", "2"]


def test_a_run_killed_while_saving_keeps_what_was_saved_before(tmp_path, monkeypatch):
    run = begun(tmp_path / "run")
    fit(run, tiny_model(), 1)

    def half_an_archive(path, **_):
        path.write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(np, "savez", half_an_archive)
    with pytest.raises(Killed):
        run._checkpoints.save(Position(2, 0), {}, {})
    monkeypatch.undo()
    (run.checkpoints_path / ".epoch_0003_step_000000.partial.npz").write_bytes(b"half")
    run = resumed(tmp_path / "run")
    assert run.initial_epoch == 1
    fit(run, tiny_model(), 2)
    assert checkpoints(run) == ["epoch_0001_step_000000.npz", "epoch_0002_step_000000.npz"]


def damage(path):
    """Inverts more bytes than an archive has between two arrays, where they would mean nothing."""
    content = np.fromfile(path, "uint8")
    middle = len(content) // 2
    content[middle : middle + 300] ^= 255
    content.tofile(path)


def test_a_checkpoint_that_cannot_be_read_is_named_and_the_one_before_it_taken(tmp_path):
    run = begun(tmp_path / "run", save_every=1)
    fit(run, tiny_model(), 3)
    for name in ("epoch_0003_step_000000", "epoch_0002_step_000001"):
        damage(run.checkpoints_path / f"{name}.npz")
    with pytest.warns(UserWarning, match="0003_.* cannot be read .*0002_step_000001.*going on"):
        run = resumed(tmp_path / "run", save_every=1)
    assert (run.initial_epoch, run.initial_step) == (2, 0)
    fit(run, tiny_model(), 3)
    assert {name for name in checkpoints(run) if name.endswith("npz")} == {
        f"epoch_000{epochs}_step_00000{step}.npz" for epochs, step in ((2, 0), (2, 1), (3, 0))
    }
    assert "epoch_0003_step_000000.unreadable" in checkpoints(run)
    for path in run.checkpoints_path.glob("*.npz"):
        damage(path)
    with pytest.raises(ValueError, match="cannot be read .*: there is no other checkpoint"):
        RunFolder(tmp_path / "run", resume=True)


def test_the_last_checkpoints_are_kept_and_written_every_so_many_steps(tmp_path):
    run = begun(tmp_path / "run", save_every="1", keep_last=2)
    fit(run, tiny_model(), 2)
    assert checkpoints(run) == ["epoch_0001_step_000001.npz", "epoch_0002_step_000000.npz"]


def test_an_interval_is_so_many_steps_or_minutes_of_a_clock_that_never_goes_back(monkeypatch):
    every = Interval("500")
    assert [every.due(steps) for steps in (499, 500, 501)] == [False, True, True]
    every.saved(500)
    assert [every.due(steps) for steps in (999, 1000)] == [False, True]
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.time", lambda: 0.0)
    every = Interval("0.5m")
    now[0] += 29
    assert not every.due(10**6)
    now[0] += 2
    assert every.due(1)
    every.saved(1)
    assert not every.due(2)
    for wrong in ("0", "0m", "10 minutes", "-3", 0, 2.5):
        with pytest.raises(ValueError, match="save_every as a number of steps.*received"):
            Interval(wrong)


def test_the_best_model_before_a_resume_is_the_one_to_better(tmp_path):
    run = begun(tmp_path / "run")

    def best():
        callback = SaveBest(run.best_model_path, run.description, "score")
        callback.set_model(tiny_model())
        return callback

    first = best()
    first.on_epoch_end(0, {"score": 0.5})
    first.on_epoch_end(1, {"score": float("nan")})
    second = best()
    second.on_epoch_end(2, {"score": 0.4})
    assert read_progress(run.best_model_path) == {"epochs": 1, "monitor": "score", "value": 0.5}
    second.on_epoch_end(3, {"score": 0.6})
    assert read_progress(run.best_model_path)["epochs"] == 4
    run.best_model_path.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="best.keras cannot be read"):
        third = best()
    third.on_epoch_end(4, {"score": 0.1})
    assert read_progress(run.best_model_path)["epochs"] == 5


def test_epochs_without_validation_choose_no_best_model_and_leave_cells_empty(tmp_path):
    run = begun(tmp_path / "run")
    validation = Batches(0, 0)[0]
    options = {"validation_data": validation, "validation_freq": 2, "monitor": "val_loss"}
    fit(run, tiny_model(), 3, **options)
    assert [bool(row["val_loss"]) for row in history(run)] == [False, True, False]
    assert read_progress(run.best_model_path)["epochs"] == 2
    WriteHistory(run.history_path, 2).on_epoch_end(2, {"loss": 1.0})
    assert [row["val_loss"] == "" for row in history(run)] == [True, False, True]


def test_an_unknown_monitor_is_told_at_the_first_epoch(tmp_path):
    best = SaveBest(tmp_path / "best.keras", None, "val_mIoU")
    best.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(ValueError, match="'val_mIoU' .* received loss, val_mean_iou"):
        best.on_epoch_end(0, {"loss": 1.0, "val_mean_iou": 0.1})


def test_a_folder_that_holds_another_run_is_refused_and_left_alone(tmp_path):
    run = begun(tmp_path)
    before = run.options_path.read_bytes()
    with pytest.raises(ValueError, match=r"holds another run \(options.json, .*--resume.*--out"):
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
    shutil.rmtree(run.checkpoints_path)
    run.last_model_path.write_bytes(b"a model")
    with pytest.raises(ValueError, match="Expected the checkpoints of a run in .*last.keras alone"):
        RunFolder(run.path, resume=True)
    run.options_path.write_text("{")
    with pytest.raises(ValueError, match="options.json is not readable"):
        RunFolder(run.path, resume=True)


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ValueError, match="received the file"):
        RunFolder(tmp_path / "run", OPTIONS)


def test_without_tensorboard_it_is_left_out_and_said_so(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name)
    )
    run = begun(tmp_path / "run")
    with pytest.warns(UserWarning, match=r"needs tensorboard, not .*keras_lwm\[tensorflow\]"):
        fit(run, tiny_model(), 1)
    assert not run.tensorboard_path.exists()


def test_what_the_checkpoint_does_not_fit_is_refused(tmp_path):
    fit(begun(tmp_path / "run", save_every=1), tiny_model(), 1, extra=[])
    with pytest.raises(ValueError, match="0001_step_000000.npz does not fit the model: .*model_0"):
        fit(resumed(tmp_path / "run"), tiny_model(units=2), 2)
    (tmp_path / "run" / "checkpoints" / "epoch_0001_step_000000.npz").unlink()
    run = resumed(tmp_path / "run")
    with pytest.raises(ValueError, match="interrupted in an epoch of 2 steps; received 3 steps"):
        run.fit(tiny_model(), Batches, 3, 2)
    several = tiny_model()
    several.steps_per_execution = 2
    with pytest.raises(ValueError, match="multiple of steps_per_execution, 2,"):
        begun(tmp_path / "other").fit(several, Batches, 3, 2)


def test_a_run_is_resumed_on_its_own_data(tmp_path):
    run = RunFolder(tmp_path / "run", OPTIONS).begin(**CLASSES, data={"train": "6 frames, a1"})
    fit(run, tiny_model(), 1)
    RunFolder(tmp_path / "run", resume=True).begin(**CLASSES, data={"train": "6 frames, a1"})
    with pytest.raises(ValueError, match=r"other data \(train: '6 .*a1'\); received '6 .*b2'"):
        RunFolder(tmp_path / "run", resume=True).begin(**CLASSES, data={"train": "6 frames, b2"})


def test_another_backend_or_number_of_devices_goes_on_and_is_said(tmp_path, monkeypatch):
    fit(begun(tmp_path / "run"), tiny_model(), 1)
    monkeypatch.setattr(
        "keras_lwm.run_folder.folder._computed_by", lambda model: {"backend": "cntk", "devices": 4}
    )
    with pytest.warns(UserWarning, match="1 device.* goes on by cntk on 4: .* no longer"):
        fit(resumed(tmp_path / "run"), tiny_model(), 2)


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a+")
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit("refused")
file.truncate(0)
file.write('{"pid": 4711, "host": "elsewhere", "since": "2024-05-01 10:00:00"}')
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_that_another_process_is_in_is_refused_until_that_one_ends(tmp_path):
    run = begun(tmp_path / "run")
    assert resumed(tmp_path / "run").initial_epoch == 0  # This process itself may.
    command = [sys.executable, "-c", HOLDER, tmp_path / "run" / ".lock"]
    other = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert other.stderr == b"refused\n"  # It is this one's still.
    del run
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="in use by process 4711 on elsewhere, since 2024-05"):
            RunFolder(tmp_path / "run", resume=True)
        new = RunFolder(tmp_path / "new", OPTIONS)
        shutil.copytree(tmp_path / "run", tmp_path / "new")
        with pytest.raises(ValueError, match="holds another run"):
            new.begin(**CLASSES)
        holder.kill()
    assert resumed(tmp_path / "run").initial_epoch == 0


def test_a_folder_that_cannot_be_written_to_is_told_before_the_first_step(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    run = RunFolder(tmp_path / "run", OPTIONS)
    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(OSError, match="run cannot be written to .Permission denied"):
        run.begin(**CLASSES)


def test_too_small_a_disk_is_told_before_the_first_step(tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(20))
    with pytest.raises(ValueError, match="GB of free disk for the models and .*there is 2e-08"):
        fit(begun(tmp_path / "run"), tiny_model(), 1)
    assert not (tmp_path / "run" / "last.keras").exists()


@pytest.mark.parametrize("full_at", [(0, 1), (2, 0)])
def test_a_disk_that_gets_full_ends_the_run_in_a_sentence_and_spoils_nothing(
    tmp_path, monkeypatch, full_at
):
    run = begun(tmp_path / "run", save_every=1)
    savez = np.savez

    def full(path, **arrays):
        if json.loads(str(arrays["progress"]))["epochs"] >= full_at[0]:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        savez(path, **arrays)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="run cannot be written to .No space.* before is whole"):
        fit(run, tiny_model(), 2)
    monkeypatch.undo()
    assert not list(run.checkpoints_path.glob(".*"))
    again = resumed(tmp_path / "run", save_every=1)
    fit(again, tiny_model(), 2)
    assert [row["epoch"] for row in history(run)] == ["0", "1"]


def test_a_checkpoint_holds_arrays_alone(tmp_path):
    fit(begun(tmp_path / "run"), tiny_model(), 1)
    (path,) = (tmp_path / "run" / "checkpoints").iterdir()
    arrays = read_arrays(path)
    assert {name.rsplit("_", 1)[0] for name in arrays} >= {"model", "optimizer", "metric"}
    assert not [name for name, array in arrays.items() if array.dtype.hasobject]


def files_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_of_several_processes_the_first_alone_writes(tmp_path):
    path = tmp_path / "run"
    another = begun(path, process=(1, 2))
    fit(another, tiny_model(), 1)
    assert not path.exists()
    fit(begun(path, process=(0, 2)), tiny_model(), 1)
    before = files_in(path)
    another = resumed(path, process=(1, 2))
    assert len(before) > 4 and another.initial_epoch == 1
    fit(another, tiny_model(), 2)
    assert files_in(path) == before

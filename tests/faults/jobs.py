"""What is killed: jobs that write into a place, and what of it must be whole and the same."""

from deployment.small_refinenet import NUM_CLASSES, trained_model
from evaluation import oracle
from exact_runs import assert_same_run, new_model, train
from rgbd_frames import CLASSES, write_random_folder

import keras_lwm
from keras_lwm.description import Description
from keras_lwm.run_folder.models import save_model
from keras_lwm_cli import main


class Training:
    """A run with a checkpoint after every step, begun or resumed."""

    def __init__(self, folder):
        pass

    def work(self, place):
        train(place, new_model(), save_every=1)

    def left(self, place):
        checkpoints = place / "checkpoints"
        if any(checkpoints.glob(".*.partial.npz")):
            return "a half-written checkpoint"
        return "checkpoints" if any(checkpoints.glob("*.npz")) else "no checkpoint yet"

    def assert_whole(self, place, unbroken):
        """Nothing: whether it can be resumed is seen as it is."""

    def assert_same(self, place, unbroken):
        assert_same_run(place, unbroken)


class _Files:
    """A job whose files are the same to the byte, each time that it is done."""

    def left(self, place):
        if any(self._is_unfinished(path.relative_to(place)) for path in place.rglob("*")):
            return "unfinished files"
        return "finished files" if any(place.rglob("*")) else "nothing"

    def assert_whole(self, place, unbroken):
        written, expected = self._read(place), self._read(unbroken)
        assert written.items() <= expected.items(), set(written) - set(expected)

    def assert_same(self, place, unbroken):
        written, expected = self._read(place), self._read(unbroken)
        assert written == expected and written

    def _read(self, place):
        """The bytes of each file that a user would take for finished."""
        return {
            str(path.relative_to(place)): path.read_bytes()
            for path in place.rglob("*")
            if path.is_file() and not self._is_unfinished(path.relative_to(place))
        }

    def _is_unfinished(self, path):
        return any(part.startswith(".") or "unfinished" in part for part in path.parts)


class Evaluation(_Files):
    """The files of `keras-lwm evaluate --out`."""

    def __init__(self, folder):
        self.model, self.frames, self.data = (
            folder / name for name in ("run/best.keras", "frames", "data")
        )
        write_random_folder(self.frames, number=1, size=(64, 96), val=20)

    def work(self, place):
        if not self.model.exists():
            description = Description(CLASSES, [(index, 0, 0) for index in range(len(CLASSES))])
            _save(oracle.network(depth=True), self.model, description)
        where = ("--split", "val", "--out", place)
        _command("evaluate", self.model, self.frames, *_DATA, self.data, *where)


class Preparation(_Files):
    """The data set that `keras-lwm datasets build` prepares of a folder."""

    def __init__(self, folder):
        self.frames = folder / "frames"
        write_random_folder(self.frames, number=60, size=(120, 160), val=20)

    def work(self, place):
        _command("datasets", "build", self.frames, *_DATA, place)


class Export(_Files):
    """An exported file over an earlier one."""

    def __init__(self, folder):
        self.model = folder / "run/best.keras"

    def work(self, place):
        place.mkdir(exist_ok=True)
        if not self.model.exists():
            _save(trained_model(), self.model, Description.unnamed(NUM_CLASSES))
        keras_lwm.export_segmenter(self.model, place / "model.tflite", "litert", overwrite=True)


_DATA = ("--depth-unit", 0.001, "--data-dir")


def _command(*arguments):
    main([str(argument) for argument in arguments], standalone_mode=False)


def _save(model, path, description):
    """Writes a run's model; in the process of a job, as the one that forks computes nothing."""
    path.parent.mkdir()
    save_model(model, path, {"epochs": 1}, description)


JOBS = {
    "training": Training,
    "evaluation": Evaluation,
    "preparation": Preparation,
    "export": Export,
}

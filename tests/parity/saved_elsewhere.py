"""Models that another backend has saved, as they are loaded here and after one more step.

    KERAS_BACKEND=jax python saved_elsewhere.py FOLDER OUT.json

FOLDER holds the models, `NAME.keras`; OUT.json gets what `account` tells of each, or its error.
"""

import json
import sys
from pathlib import Path

from saving_cases import load, plain, state, step, trainable_paths, variables


def account(model):
    """All that a model goes on from, as plain values, floats exact."""
    return {
        "trainable": trainable_paths(model),
        "options": plain(model.get_config()),
        "compile": plain(model.get_compile_config()),
        "optimizer": type(model.optimizer).__name__,
        "names": [variable.path for variable in variables(model)],
        "state": plain(state(model)),
    }


def loaded_and_ended(model):
    """The account of a model, and its state one step later."""
    return {"loaded": account(model), "skipped": step(model)["skipped_steps"]} | {
        "ended": plain(state(model))
    }


def attempt(function, *arguments):
    """The result of a function, or what it has raised: one model's failure is not the others'."""
    try:
        return function(*arguments)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main(folder, out):
    accounts = {
        path.stem: attempt(lambda path=path: loaded_and_ended(load(path)))
        for path in sorted(Path(folder).glob("*.keras"))
    }
    Path(out).write_text(json.dumps(accounts))


if __name__ == "__main__":
    main(*sys.argv[1:])

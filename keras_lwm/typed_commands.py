"""How this library's commands are typed on this machine, from the folder that one is in."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def python_command() -> str:
    """`python`, or the path of the one that runs here where that is another."""
    return _by_name_or_path("python", Path(sys.executable))


def keras_lwm_command() -> str:
    """`keras-lwm`, or its path where another one, or none, would be found by its name."""
    script = Path(sys.executable).with_name("keras-lwm")
    if not script.exists():
        return f"{python_command()} -m keras_lwm_cli"
    return _by_name_or_path("keras-lwm", script)


def recipe_path(name: str) -> str:
    """The path of a recipe, such as `rgbd_folder.py`: below the checkout that is installed."""
    path = Path(__file__).parents[1] / "recipes" / name
    return _shown(path) if path.exists() else f"recipes/{name}"


def _by_name_or_path(name, path):
    found = shutil.which(name)
    if found is not None and Path(found).absolute().parent == path.absolute().parent:
        return name
    return _shown(path)


def _shown(path):
    path, here = path.absolute(), Path(os.getcwd())
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))

"""What JAX compiles, kept on disk for later runs: most of the time before a first step.

This imports neither JAX nor Keras: the folder is chosen by environment variables, which JAX reads
as it is imported.
"""

import json
import os
from pathlib import Path

import click

_FOLDER = "JAX_COMPILATION_CACHE_DIR"
_ENABLED = "JAX_ENABLE_COMPILATION_CACHE"
# JAX keeps what took a second; building a network is hundreds of shorter compilations.
_DEFAULTS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
}


def _turn_off(_, __, off):
    if off:
        os.environ[_ENABLED] = "false"


compilation_cache_option = click.option(
    "--no-compilation-cache",
    is_flag=True,
    expose_value=False,
    callback=_turn_off,
    help="Under JAX: compile everything anew, and keep nothing that is compiled.",
)


def use_compilation_cache() -> None:
    """Makes JAX keep what it compiles, unless it is turned off or has a folder already.

    The folder is named once, on standard error, when it is made.
    """
    if _backend() != "jax" or os.environ.get(_ENABLED, "").lower() in ("false", "0", "off", "no"):
        return
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if _FOLDER in os.environ:
        return
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home, "keras_lwm", "jax")
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            click.echo(
                f"JAX keeps what it compiles in {folder}, for later runs "
                f"({_FOLDER} names another folder, --no-compilation-cache keeps nothing).",
                err=True,
            )
    except OSError as error:
        click.echo(f"JAX keeps nothing of what it compiles: {error}.", err=True)
        return
    os.environ[_FOLDER] = str(folder)


def _backend():
    """The backend that Keras will choose, without importing it."""
    if "KERAS_BACKEND" in os.environ:
        return os.environ["KERAS_BACKEND"]
    configured = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras", "keras.json")
    try:
        return json.loads(configured.read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError):
        return None

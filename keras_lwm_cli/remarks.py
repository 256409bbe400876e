"""What other libraries remark about themselves, kept from the terminal unless it is asked for.

TensorFlow writes of its build and of drivers while it is imported, past Python, to the process's
standard error; TFDS and absl warn of how they call each other. None of it is for who runs a recipe.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator

import click

_IMPORTED = "tensorflow"
# "I0000 00:00:1795774703.269039    2194 port.cc:153] ..." and what announces it.
_REMARK = re.compile(rb"[IWE]\d{4} \d\d:\d\d:[\d.]+ +\d+ |WARNING: All log messages before absl")
_shown = False


def _show(_, __, shown):
    global _shown
    _shown = _shown or shown


verbose_option: Callable = click.option(
    "--verbose",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show,
    help="Show what TensorFlow and other libraries remark, too.",
)


def hide_remarks() -> None:
    """Hides them from now on; before TensorFlow is imported, and not if `--verbose` was given."""
    if _shown:
        return
    # Also of the processes that this one starts.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if _IMPORTED not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow where it is, and has it imported in silence."""

    def find_spec(self, name, path, target=None):
        if name != _IMPORTED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        with without_remarks():
            self._loader.exec_module(module)
        from absl import logging

        logging.set_verbosity(logging.ERROR)


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Holds standard error back, and then writes those of its lines that are no remarks."""
    try:
        own = os.dup(2)
    except OSError:
        # Closed: there is nothing to keep anything from.
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(own, 2)
            os.close(own)
            held.seek(0)
            for line in held:
                if not _REMARK.match(line):
                    os.write(2, line)

"""Packages that an extra of keras_lwm installs, and the sentence for where they are missing."""

import contextlib
import importlib.util
from collections.abc import Iterator


@contextlib.contextmanager
def imports_of(extra: str, user: str) -> Iterator[None]:
    """Around imports of packages that `extra` installs: names the extra if one of them fails.

    Args:
        extra: a name of `options.extras_require` in setup.cfg.
        user: what the packages are needed for, the subject of the sentence.

    Raises:
        ImportError: if a package is missing or broken.

    Examples:
        >>> with imports_of("report", "A picture of a run"):
        ...     import matplotlib
    """
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{user} needs a package that cannot be imported ({error}): {install(extra)}."
        ) from error


def check_installed(extra: str, user: str, *packages: str) -> None:
    """Raises the like where it has to come before the import, or the import is not made here.

    Args:
        extra, user: see `imports_of`.
        packages: the names that they are imported by.

    Raises:
        ImportError: if a package is missing.
    """
    missing = missing_packages(*packages)
    if missing:
        raise ImportError(f"{user} needs {missing}, not installed here: {install(extra)}.")


def missing_packages(*packages: str) -> str:
    """Those of the packages that are not installed, as in a sentence: "onnx and tf2onnx"."""
    return " and ".join(name for name in packages if importlib.util.find_spec(name) is None)


def install(extra: str) -> str:
    """The command that installs an extra; quoted, because some shells expand brackets."""
    return f'`pip install "keras_lwm[{extra}]"`'


@contextlib.contextmanager
def import_of_keras() -> Iterator[None]:
    """Around the first import of Keras, which imports its backend.

    Raises:
        ImportError: if the backend is missing.
    """
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"Keras cannot import its backend ({error}): name one that is installed in the "
            f"environment variable KERAS_BACKEND (tensorflow, jax or torch), or install it, as by "
            f"{install('tensorflow')}."
        ) from error

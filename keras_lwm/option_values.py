"""Options as plain Python values: what goes into a file as JSON has to come out of it again."""

import math
import operator


def real(name: str, value, least: float = 0.0, most: float = math.inf) -> float:
    """A finite number as a Python float, from any number that has one value, NumPy's included.

    Raises:
        ValueError: `value` is no number, not finite, or not in `least`..`most`.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and least <= number <= most):
        limits = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}"
        limits = limits if math.isfinite(least) else ""
        raise ValueError(
            f"Expected {name} to be a finite number {limits}".rstrip()
            + f"; received {name}={value!r}."
        )
    return number


def whole(name: str, value, least: int = 1) -> int:
    """A whole number as a Python int.

    Raises:
        ValueError: `value` is no whole number, or below `least`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(
            f"Expected {name} to be a whole number of at least {least}; received {name}={value!r}."
        )
    return number


def reals(name: str, values, least: float = 0.0) -> list[float]:
    """Finite numbers as a list of Python floats, each checked as by `real`."""
    return [real(f"{name}[{index}]", value, least) for index, value in enumerate(values)]

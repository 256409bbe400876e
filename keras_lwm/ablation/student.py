"""Student's t, for the interval of a mean of few values."""

import math


def within(t: float, freedom: int) -> float:
    """The probability that a variable of Student's distribution lies within -t and t.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4.

    Args:
        t: not negative.
        freedom: degrees of freedom, 1 or more.
    """
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= math.cos(angle) ** 2 * k / (k + 1)
    return (angle + math.sin(angle) * total) * 2 / math.pi if odd else math.sin(angle) * total


def quantile(probability: float, freedom: int) -> float:
    """The t for which `within(t, freedom)` is this probability, 0 to 1."""
    low, high = 0.0, 1.0
    while within(high, freedom) < probability:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < probability else (low, middle)
    return (low + high) / 2

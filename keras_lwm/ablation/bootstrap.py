"""What another set of scenes, and other seeds, might have shown: the bootstrap of differences.

The frames of one scene resemble each other, so whole scenes are drawn, with replacement, as many as
there are; and so are seeds. Both rows of a difference have the same draws, and so has every pair of
rows. The training frames are the same in all.
"""

import functools
from collections.abc import Mapping

import numpy as np

from keras_lwm.metrics.scores import MEANS, scores_of_counts

DRAWS = 2000
"""How often scenes and seeds are drawn."""

SEED = 0
"""Of these draws."""


@functools.lru_cache
def drawn(number: int, kind: int, draws: int = DRAWS) -> np.ndarray:
    """How often each of so many is in a draw, int64 (draws, number); every row sums to `number`.

    Args:
        number: of scenes, or of seeds.
        kind: 0 for scenes, 1 for seeds, which are drawn independently of each other.
        draws: how many.
    """
    rng = np.random.default_rng([SEED, kind])
    times = rng.multinomial(number, np.full(number, 1 / number), size=draws)
    times.flags.writeable = False  # Every caller has the same array.
    return times


def drawn_scores(counts: np.ndarray, draws: int = DRAWS) -> dict[str, np.ndarray]:
    """The four scores of `segmentation_scores`, each (draws,), over the scenes of each draw.

    Args:
        counts: pixels (scenes, 3, C), as of `counts_by_scene`.
        draws: how many.
    """
    weights = drawn(len(counts), 0, draws).astype("float64")
    totals = weights @ counts.reshape(len(counts), -1)
    correct, labelled, predicted = totals.reshape(draws, *counts.shape[1:]).transpose(1, 0, 2)
    scores = scores_of_counts(correct, labelled, predicted)
    return {name: scores[name] for name in MEANS}


def difference_interval(
    one: Mapping[int, np.ndarray], other: Mapping[int, np.ndarray]
) -> tuple[float, float] | None:
    """Where 95 % of the draws have the mean over seeds of a score of `one` minus that of `other`.

    Args:
        one, other: {seed: (draws,)}, one score out of `drawn_scores`, of two rows.

    Returns:
        The 2.5 and the 97.5 percentile; None if no seed is in both.
    """
    seeds = sorted(set(one) & set(other))
    if not seeds:
        return None
    differences = np.stack([one[seed] - other[seed] for seed in seeds], axis=1)
    weights = drawn(len(seeds), 1, len(differences))
    low, high = np.percentile(np.sum(weights * differences, axis=1) / len(seeds), (2.5, 97.5))
    return float(low), float(high)

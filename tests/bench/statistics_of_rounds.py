"""Ratios of what was measured in the same round, their median, and how sure it is."""

import random
import statistics

RESAMPLES = 5000


def ratios(values, reference):
    """The ratio in each round; a round in which the reference did nothing says nothing."""
    return [value / base for value, base in zip(values, reference, strict=True) if base > 0]


def median_with_interval(values, seed=1):
    """The median and its bootstrap 95 % interval: (median, low, high)."""
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return statistics.median(values), medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]


def order_of_round(names, number):
    """A B C, then C B A, then A B C: a drift of the machine hits every server alike."""
    return list(names) if number % 2 == 0 else list(reversed(names))

"""Keys at many instants at once, for boards of quantities: what their keys_over are made of."""

import numpy as np

from ranking_app.rankings.boards.board import NOT_ON
from ranking_app.rankings.curve import Counts, Curve, Instants


def net_in_window(curve: Curve, instants: Instants, window_s: int | None) -> Counts | None:
    """Net quantity in the window before each instant; None as Curve.quantities_before."""
    if window_s is None:
        sums = curve.quantities_before(instants)
        return None if sums is None else sums[0] - sums[1]
    if not len(instants):
        return np.zeros(0, np.int64)
    first_s = curve.first_second_from(int(instants[0]) - window_s)
    if first_s is None or first_s >= instants[-1]:  # most of a large catalogue does not sell in most hours
        return np.zeros(len(instants), np.int64)
    # Ends and starts in one go: the price of a call is that of a hundred numbers.
    sums = curve.quantities_before(np.concatenate((instants, np.maximum(instants - window_s, 0))))
    if sums is None:
        return None
    sold = sums[0] - sums[1]
    return sold[: len(instants)] - sold[len(instants) :]


def highest_first(scores: Counts | None) -> Counts | None:
    """Sort keys of scores of which those above 0 are on the board."""
    return None if scores is None else np.where(scores > 0, -scores, NOT_ON)

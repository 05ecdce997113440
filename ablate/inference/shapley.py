"""What each player of a game adds to it, averaged over all orders in which they may come."""

from math import comb

import numpy as np
from jaxtyping import Float


def shapley(worth: Float[np.ndarray, "coalition game"]) -> Float[np.ndarray, "player game"]:
    """Return the Shapley value of every player (Shapley 1953, doi:10.1515/9781400881970-018).

    Row c holds what the players whose bits are set in c are worth together; d players have 2^d coalitions. The values
    add up to the worth of all less that of none.
    """
    coalition = np.arange(len(worth))
    players = len(worth).bit_length() - 1
    size = np.array([members.bit_count() for members in range(len(worth))])
    weight = np.array([1 / (players * comb(players - 1, before)) for before in range(players)])
    values = np.empty((players, worth.shape[1]))
    for player in range(players):
        without = coalition[(coalition >> player) & 1 == 0]
        values[player] = weight[size[without]] @ (worth[without | 1 << player] - worth[without])
    return values

"""What a forecast keeps of its own earlier mistakes, away from every true position."""

from ablate.arrays import Frames, FrameScores
from ablate.metrics.excess import excess_over, mean_over
from ablate.metrics.ghost_masks import LIT, MARGIN, GhostMasks, distance_to, ever
from ablate.metrics.metric import Measure
from ablate.metrics.signal import signal

OWN_TRAIL = Measure("own_trail_ratio", "ghost on the forecast's own path", "ratio", -1.0, 1.0, higher_is_better=False)


def own_trail_ratio(forecast: Frames, masks: GhostMasks) -> FrameScores:
    """Return the ghost ratio along the forecast's own path, where the truth never was; in [-1, 1].

    The forecast's own digits are its pixels at least half as bright as the brightest of their frame. Stale are
    control pixels that were such in an earlier forecast step, farther than the margin from those of now; they
    are compared with control pixels that never were near one, relative to the brightness of the digits of now.
    Undefined where the forecast never left the true path. A trail brighter than half passes for a digit.
    """
    own = forecast >= LIT * forecast.max((-2, -1), keepdims=True)
    distance = distance_to(own)
    stale = masks.control & ever(own)
    never = masks.control & ~ever(distance <= MARGIN)  # so nothing within the margin of now has a control
    excess = excess_over(never, forecast, distance)
    ratio: FrameScores = mean_over(stale, excess) / signal(own, forecast, excess, stale)
    return ratio

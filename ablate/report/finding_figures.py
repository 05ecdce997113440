"""Charts and pictures of probe findings."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from PIL import Image as Picture
from PIL import ImageDraw

from ablate.measurement.metrics import METRICS
from ablate.report.figure_style import COLORS, DASHES, FAINT, INK, MARKERS, WIDTH, styled, svg
from ablate.report.frame_grid import FAINT as FAINT_PIXEL
from ablate.report.frame_grid import INK as INK_PIXEL
from ablate.report.frame_grid import PAPER, font, png
from ablate.report.tiles import FULL, hatch, scale_to
from ablate.storage.findings import Chart, Image, Line, MetricChange

ROW, AROUND = 0.5, 1.2  # inches
PANELS_PER_ROW = 3
AXIS_LABEL = 26  # characters per line, in a narrow panel
HEIGHT = 3.4
ROW_LABEL, LEGEND = 34, 140  # characters per line
HANDLE = 10  # characters that the sample of a line takes in the legend
MAX_MARKERS = 16  # on one line; more would hide it

TILE = 220  # pixels per side, approximately
STRIP_WIDTH = 1040  # pixels; limits the pictures per row
GAP, LINE, SCALE = 24, 18, 34
LETTER = 7.2  # pixels per letter of a title, approximately


def metric_title(name: str) -> str:
    """Return the title of a metric; a name outside METRICS is already in words."""
    return METRICS[name].title if name in METRICS else name


def changes_figure(changes: Sequence[MetricChange]) -> str:
    """Return a forest plot: one row per intervention, one panel per metric, 0 as a line.

    A diamond is the mean paired difference, the bar its confidence interval over clips; both are gray, and the diamond
    is hollow, if the interval includes 0.
    """
    conditions = list(dict.fromkeys(change.condition for change in changes))
    metrics = list(dict.fromkeys(change.metric for change in changes))
    columns = min(PANELS_PER_ROW, len(metrics))
    rows = -(-len(metrics) // columns)
    with styled(WIDTH, rows * (AROUND + ROW * len(conditions))) as figure:
        panels = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
        panels[0].set_yticks(range(len(conditions)), [textwrap.fill(text, ROW_LABEL) for text in conditions])
        panels[0].set_ylim(len(conditions) - 0.5, -0.5)
        for axes, metric in zip(panels, metrics, strict=False):
            _panel(axes, f"change in {metric_title(metric)}")
            metric_changes = [change for change in changes if change.metric == metric]
            for change in metric_changes:
                _change(axes, conditions.index(change.condition), change)
            if all(math.isnan(change.difference) for change in metric_changes):
                axes.set_xlim(-1, 1)  # 0 in the middle, so that "undefined" does not cover the labels of the rows
        for axes in panels[len(metrics) :]:
            axes.set_axis_off()
        return svg(figure)


def chart_figure(chart: Chart) -> str:
    """Return the lines over their axis, each with its own color, marker and dashes; NaN leaves a gap."""
    with styled(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        for position, line in enumerate(chart.lines):
            _line(axes, position, line)
        axes.set_xlabel(chart.x_label)
        axes.set_ylabel(chart.y_label)
        if all(x == round(x) for line in chart.lines for x in line.x):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        longest = max(len(line.label) for line in chart.lines)
        figure.legend(loc="outside upper left", ncols=max(1, LEGEND // (longest + HANDLE)), fontsize=9)
        return svg(figure)


def image_strip(images: Sequence[Image]) -> bytes:
    """Return a PNG of the images in rows, pixels enlarged, each with its title above and its gray scale below.

    Values below `low` are black, values above `high` white, undefined values striped.
    """
    tiles = [_tile(image) for image in images]
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    titles = [textwrap.wrap(image.title, int(width / LETTER)) for image in images]
    head = LINE * max(map(len, titles)) + 6
    per_row = min(len(images), max(1, (STRIP_WIDTH + GAP) // (width + GAP)))
    block = (width + GAP, head + height + SCALE + GAP)
    sheet = Picture.new("RGB", (per_row * block[0] - GAP, -(-len(images) // per_row) * block[1] - GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for position, (image, tile, lines) in enumerate(zip(images, tiles, titles, strict=True)):
        left, top = position % per_row * block[0], position // per_row * block[1]
        draw.text((left, top), "\n".join(lines), INK_PIXEL, font(13), spacing=4)
        sheet.paste(tile, (left, top + head))
        _gray_scale(sheet, image, (left, top + head + tile.height + 8), tile.width)
    return png(sheet)


def _panel(axes: Axes, label: str) -> None:
    axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel(textwrap.fill(label, AXIS_LABEL))
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _change(axes: Axes, row: int, change: MetricChange) -> None:
    if math.isnan(change.difference):
        axes.text(0, row, "undefined", color=FAINT, backgroundcolor="white", ha="center", va="center", fontsize=9)
        return
    excludes_zero = change.low > 0 or change.high < 0
    color = COLORS[1] if excludes_zero else FAINT
    axes.hlines(row, change.low, change.high, color=color, linewidth=3, alpha=0.55)
    face = color if excludes_zero else "white"
    axes.plot(change.difference, row, "D", color=color, markersize=8, markerfacecolor=face)


def _line(axes: Axes, position: int, line: Line) -> None:
    axes.plot(
        line.x,
        line.y,
        color=COLORS[position % len(COLORS)],
        marker=MARKERS[position % len(MARKERS)],
        markersize=4.5,
        markevery=max(1, len(line.x) // MAX_MARKERS),
        linestyle=DASHES[position % len(DASHES)],
        label=line.label,
    )


def _tile(image: Image) -> Picture.Image:
    values = np.array(image.values, dtype=float)
    factor = scale_to(TILE, values)
    enlarged = values.repeat(factor, axis=0).repeat(factor, axis=1)
    span = image.high - image.low
    brightness = (enlarged - image.low) / span if span else np.zeros_like(enlarged)
    brightness = np.where(np.isnan(enlarged), hatch(*enlarged.shape), brightness.clip(0, 1))
    return Picture.fromarray(np.rint(brightness * FULL).astype(np.uint8))


def _gray_scale(sheet: Picture.Image, image: Image, corner: tuple[int, int], width: int) -> None:
    left, top = corner
    ramp = np.linspace(0, FULL, width).astype(np.uint8)[None].repeat(6, axis=0)
    sheet.paste(Picture.fromarray(ramp), corner)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left, top, left + width - 1, top + 5), outline=FAINT_PIXEL)
    draw.text((left, top + 10), f"{image.low:g}", FAINT_PIXEL, font(12))
    draw.text((left + width, top + 10), f"{image.high:g}", FAINT_PIXEL, font(12), anchor="ra")

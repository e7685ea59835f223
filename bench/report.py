"""What was measured -> a table to read, and a plot to show.

The plot is the same bytes for the same figures. It stands on white pages and on dark ones: its ground is clear, and
its greys and its blue are told apart from both, by the colour-blind too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from compare import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS = ("parquetry", "parquetry plain")
_BLUE, _GREY, _INK = "#3b8bd0", "#a3a3a3", "#7d7d7d"


class Panel(NamedTuple):
    """One part of the plot."""

    title: str
    seconds: Mapping[str, float]  #: A gigabyte, by name.


def table(title: str, found: Comparison, gigabytes: Mapping[str, float]) -> Iterator[str]:
    """The lines of a table; a ratio is how many times as long ours takes as the tool of the row.

    Args:
        title: What was measured.
        found: The figures.
        gigabytes: What each contender read.
    """
    ours = [name for name in OURS if name in found.runs]
    yield f"{title}: medians, rounds: {max(map(len, found.runs.values()), default=0)}"
    heads = [f"{name} ÷ it (paired)" for name in ours]
    yield f"  {'':28}{'wall s':>8}{'s/GB':>8}{'cpu s':>8}{'anon MB':>9}{'rss MB':>8}{'out MB':>8}  {'  '.join(heads)}"
    for name in found.runs:
        seconds, cpu = found.median(name, "seconds"), found.median(name, "cpu")
        anonymous, resident = (found.median(name, what) / 1e6 for what in ("anonymous", "resident"))
        ratios = [found.ratios(one, name) for one in ours]
        told = [f"{f'{one:.2f} ({two:.2f})':>{len(head)}}" for head, (one, two) in zip(heads, ratios, strict=True)]
        yield (
            f"  {name:28}{seconds:8.2f}{seconds / gigabytes[name]:8.2f}{cpu:8.2f}{anonymous:9.0f}{resident:8.0f}"
            f"{found.written[name] / 1e6:8.0f}  {'  '.join(told)}"
        )
    for name, reason in found.skipped.items():
        yield f"  {name:28} skipped: {reason}"


def panel(title: str, found: Comparison, gigabytes: float) -> Panel:
    """The bars of a comparison."""
    return Panel(title, {name: found.median(name, "seconds") / gigabytes for name in found.runs})


def plot(panels: Sequence[Panel]) -> bytes:
    """An SVG with horizontal bars: seconds for a gigabyte, and how many times ours that is."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    bars = [len(one.seconds) for one in panels]
    settings: dict[Any, Any] = {
        "svg.hashsalt": "parquetry",
        "font.size": 9,
        "text.color": _INK,
        "axes.labelcolor": _INK,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(7.5, 0.4 + sum(0.28 * count + 0.7 for count in bars)), layout="constrained")
        axes = figure.subplots(len(panels), squeeze=False, gridspec_kw={"height_ratios": [n + 1.2 for n in bars]})
        for axis, one in zip(axes[:, 0], panels, strict=True):
            _draw(axis, one)
        label = "seconds for a gigabyte of JSON Lines, and their ratio to parquetry's; less is better"
        figure.supxlabel(label, fontsize=9)
        target = io.BytesIO()
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return target.getvalue()


def _draw(axis: Axes, panel: Panel) -> None:
    names = sorted(panel.seconds, key=lambda name: panel.seconds[name])
    values = [panel.seconds[name] for name in names]
    ours = panel.seconds.get(OURS[0])
    labels = [f"{value:.1f} s" + (f"   {value / ours:.2f} ×" if ours else "") for value in values]
    bars = axis.barh(names, values, color=[_BLUE if name in OURS else _GREY for name in names], height=0.7)
    axis.bar_label(bars, labels, padding=4)
    axis.set_title(panel.title, loc="left", fontsize=10, fontweight="bold")
    axis.invert_yaxis()
    axis.margins(x=0.3)  # room for the labels
    axis.tick_params(colors=_INK, length=0)
    axis.spines[:].set_visible(False)
    axis.set_xticks([])

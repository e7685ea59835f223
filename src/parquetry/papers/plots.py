"""Pictures -> SVG, drawn by matplotlib: the same bytes for the same numbers and the same version of it.

They are read on light and on dark pages: the ground is transparent, lettering and bars stand out from white and from
black. The colours are those of Okabe and Ito that do (https://jfly.uni-koeln.de/color/), which the colour-blind tell.
matplotlib is used as it comes: settings of this user, folder or machine mean nothing, nor do its fonts.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parquetry.papers.facts import Facts
from parquetry.papers.pictures import Panel, Picture, pictures

#: Contrast of 4.6 with white and with black; of the bars more than 3.
_INK, _COLOURS = "#767676", ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
#: Inches: of a picture, of a lying bar, of standing bars, of what is above and below.
_WIDTH, _BAR, _STANDING, _AROUND = 7.6, 0.24, 1.7, 0.75
#: Inches that a character of a label takes, of ASCII and of others.
_NARROW, _BROAD = 0.076, 0.13
#: Labels that are shown below standing bars.
_SHOWN = 8
_STYLE: Any = {
    "axes.edgecolor": _INK, "axes.labelcolor": _INK, "axes.titlecolor": _INK, "axes.titlesize": 10,
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "font.size": 9,
    "svg.fonttype": "none", "text.color": _INK, "xtick.color": _INK, "ytick.color": _INK, "text.parse_math": False,
}  # fmt: skip


def plots(facts: Facts) -> dict[str, str]:
    """The texts of all pictures of a release, by path."""
    return {picture.path: draw(picture) for picture in pictures(facts)}


def draw(picture: Picture) -> str:
    """One picture as SVG."""
    matplotlib = _matplotlib()
    rows = [picture.panels[start : start + 2] for start in range(0, len(picture.panels), 2)]
    heights = [max(_height(panel) for panel in row) for row in rows]
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # who shows the picture has a font for it
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE | {"svg.hashsalt": picture.path})
        figure = matplotlib.figure.Figure(figsize=(_WIDTH, sum(heights)))
        for row, panels in enumerate(rows):
            for place, panel in enumerate(panels):
                width = _WIDTH / (2 if len(picture.panels) > 1 else 1)
                corner = place * width, sum(heights[row + 1 :])
                axes = _axes(figure, panel, corner, (width, heights[row]))
                _panel(axes, panel, max(len(one.labels) for one in panels))
        target = io.StringIO()
        title = {"Title": picture.title, "Description": picture.said}
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None, **title})
    return target.getvalue().replace("\r\n", "\n")


def _matplotlib() -> Any:
    """matplotlib, which takes half a second to load: only a build needs it.

    Left to itself it makes folders in the home folder, and starts a program that lists the fonts of this machine, to
    write the list down there. So it is given a folder that goes away, and a list of the one font that it brings along.
    """
    if "matplotlib.figure" not in sys.modules:
        before = os.environ.get("MPLCONFIGDIR")
        with tempfile.TemporaryDirectory(prefix="parquetry-") as aside:
            os.environ["MPLCONFIGDIR"] = aside
            try:
                import matplotlib

                _list_fonts(Path(aside), Path(matplotlib.__file__).with_name("font_manager.py"))
                import matplotlib.figure

                matplotlib.get_configdir()  # it remembers the folder from the first question on
            finally:
                del os.environ["MPLCONFIGDIR"]
                os.environ.update({"MPLCONFIGDIR": before} if before is not None else {})
    return sys.modules["matplotlib"]


def _list_fonts(folder: Path, manager: Path) -> None:
    """Write a list of fonts as ``font_manager.py`` reads it; of a version that it does not know it makes its own."""
    version = re.search(r"^    __version__ = (\S+)$", manager.read_text("utf-8"), re.MULTILINE)
    number = version[1].strip("'\"") if version else ""
    font = {"__class__": "FontEntry", "fname": "fonts/ttf/DejaVuSans.ttf", "name": "DejaVu Sans", "weight": 400}
    names = {"ttf": "DejaVu Sans", "afm": "Helvetica"}
    facts = {"__class__": "FontManager", "_version": int(number) if number.isdigit() else number, "default_size": None}
    facts |= {"_FontManager__default_weight": "normal", "defaultFamily": names, "afmlist": [], "ttflist": [font]}
    (folder / f"fontlist-v{number}.json").write_text(json.dumps(facts), "utf-8")


def _axes(figure: Any, panel: Panel, corner: tuple[float, float], whole: tuple[float, float]) -> Any:
    """The axes of a panel, in so many inches of the figure; the room for its labels is known by their characters."""
    labels = panel.labels if panel.across else ["0,000"]
    left = 0.2 + max(sum(_NARROW if sign.isascii() else _BROAD for sign in label) for label in labels)
    below, around = 0.1 if panel.across else 0.3, figure.get_size_inches()
    place, extent = (corner[0] + left, corner[1] + below), (whole[0] - left - 0.25, whole[1] - below - 0.35)
    return figure.add_axes((*(place / around), *(extent / around)))


def _height(panel: Panel) -> float:
    return _AROUND + (_BAR * max(3, len(panel.labels)) if panel.across else _STANDING)


def _panel(axes: Any, panel: Panel, most: int) -> None:
    """One panel beside others of at most so many bars: those that lie have their numbers, those that stand an axis."""
    places, base = range(len(panel.labels)), [0.0] * len(panel.labels)
    for number, (name, values) in enumerate(panel.series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        if panel.across:
            axes.barh(places, values, left=base, height=0.7, color=colour, label=name or None)
        else:
            axes.bar(places, values, bottom=base, width=0.9, color=colour, label=name or None)
        base = [one + two for one, two in zip(base, values, strict=True)]
    axes.set_title(panel.title)
    if panel.across:
        _lying(axes, panel, base)
        axes.set_ylim(max(3, most) - 0.5, -0.5)
    else:
        shown = range(0, len(panel.labels), -(-len(panel.labels) // _SHOWN))
        axes.set_xticks(list(shown), [panel.labels[place] for place in shown])
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.get_major_locator().set_params(integer=True, nbins=4)
    if len(panel.series) > 1:
        axes.legend(frameon=False, ncols=len(panel.series), loc="lower right", bbox_to_anchor=(1, 1))


def _lying(axes: Any, panel: Panel, ends: Sequence[float]) -> None:
    """Labels beside lying bars, and a number at the end of each."""
    axes.set_yticks(range(len(panel.labels)), list(panel.labels))
    axes.tick_params(left=False)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(0, max(ends, default=1) * 1.18 or 1)
    for place, end in enumerate(ends):
        number = f"{end:.3g} %" if panel.unit == "%" else f"{end:,.0f}"
        axes.annotate(number, (end, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8)

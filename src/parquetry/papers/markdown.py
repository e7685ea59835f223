"""Text and numbers -> Markdown that shows them, and never acts on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from parquetry.words.errors import printable


def escape(text: str) -> str:
    """Text as Markdown shows it: no markup, no HTML, one line; at the start of a line too.

    >>> escape("a|b <i>_c_"), escape("- a"), escape("1. a")
    ('a\\\\|b &lt;i&gt;\\\\_c\\\\_', '\\\\- a', '1\\\\. a')
    """
    line = " ".join(text.split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_{}\[\]#|~!$])", r"\\\1", line)
    return re.sub(r"^(\d*)([-+=]|(?<=\d)[.)])(?=[-= ]|$)", r"\1\\\2", line)


def code(text: str) -> str:
    """Text as Markdown shows it in code style, in a table too; what a terminal would act on is escaped.

    >>> code("a\\x1b[2J"), code("`a`")
    ('`a\\\\x1b[2J`', '`` `a` ``')
    """
    text = printable(" ".join(text.split()), len(text))
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}".replace("|", "\\|")


def table(header: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> str:
    """A Markdown table; the columns named in ``right`` by their letter in ``lr`` are set to the right."""
    rule = [("---:" if side == "r" else "---") for side in right.ljust(len(header), "l")]
    lines = [header, rule, *rows]
    return "\n".join(
        "| " + " | ".join(f"{x:,}" if isinstance(x, int) else str(x) for x in line) + " |" for line in lines
    )


def sized(count: int) -> str:
    """Bytes as people read them.

    >>> sized(1234567)
    '1.2 MB'
    """
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{count} bytes" if units[0] == "bytes" else f"{value:.1f} {units[0]}"

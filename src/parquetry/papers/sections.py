"""The card of a release -> what people wrote about its data, by the property of Croissant that it answers.

A section of the card is marked with ``<!-- rai: dataBiases -->``; the names are those of the vocabulary for responsible
AI (https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html). So the prose has one home, and programs find it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import NamedTuple

from parquetry.words.errors import Problem

#: What a section can be marked with.
NAMES = """
    annotationsPerItem annotatorDemographics dataAnnotationAnalysis dataAnnotationPlatform
    dataAnnotationProtocol dataBiases dataCollection dataCollectionMissingData dataCollectionRawData
    dataCollectionTimeframe dataCollectionType dataImputationProtocol dataLimitations dataManipulationProtocol
    dataPreprocessingProtocol dataReleaseMaintenancePlan dataSocialImpact dataUseCases machineAnnotationTools
    personalSensitiveInformation
""".split()
_HEADING = re.compile(r" {0,3}(#{1,6})(?: +(.*?))? *#* *$")
_MARK = re.compile(r"<!-- rai: *(.*?) *-->")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_REGION = re.compile(r"<!-- begin: ([^\n]+?) -->\n.*?<!-- end: \1 -->", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


class _Open(NamedTuple):
    """A section that goes on."""

    name: str
    level: int  #: Of the heading that it stands under.
    lines: list[str]


def sections(card: str) -> dict[str, str]:
    """What is said under each mark, up to the next heading that is no lower than its own, without computed regions."""
    found, going, level, fenced = dict[str, str](), list[_Open](), 0, False
    for line in _REGION.sub("", card).splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading:
            level = len(heading[1])
            going = [one for one in going if one.level < level]
        for mark in _MARK.findall(line):
            going.append(_Open(mark, level, []))
        for one in going:
            one.lines.append(line)
            found[one.name] = _COMMENT.sub("", "\n".join(one.lines)).strip()
    return found


def problems(card: str, where: str) -> Iterator[Problem]:
    """Marks that mean nothing or stand twice, and headings that nothing stands under."""
    seen, fenced, empty = set[str](), False, list[tuple[int, int, str]]()  # level, line and text of headings
    for number, line in enumerate(card.splitlines(), 1):
        for name in _MARK.findall(line):
            if name not in NAMES:
                near = difflib.get_close_matches(name, NAMES, 1, 0)
                yield Problem("CARD_MARK", f"{where}:{number}", f"there is no {name!r}", f"did you mean {near[0]!r}?")
            elif name in seen:
                yield Problem("CARD_MARK", f"{where}:{number}", f"{name!r} stands twice", "keep one of the marks")
            seen.add(name)
        heading = None if fenced or _FENCE.match(line) else _HEADING.match(line)
        fenced ^= bool(_FENCE.match(line))
        if heading:
            level = len(heading[1])
            yield from (_bare(one, where) for one in empty if one[0] >= level)
            empty = [(level, number, heading[2] or "")]
        elif _COMMENT.sub("", line).strip() or line.startswith("<!-- begin: "):
            empty = []
    yield from (_bare(one, where) for one in empty)


def _bare(heading: tuple[int, int, str], where: str) -> Problem:
    what = f"nothing stands under the heading {heading[2]!r}"
    return Problem("CARD_EMPTY", f"{where}:{heading[1]}", what, "write what belongs there, or take the heading out")

"""What Parquetry promises about any size, any number of workers and any mistake -> whether it is so, with figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import ours
from compare import Comparison, Contender, compare

#: Workers and bytes of a block that must not show in the output; 0 is the default block.
WORKERS, BLOCKS = (1, 2, 4), (0, 100_000)


def contender(work: Path, source: Path, variant: str, name: str = "", workers: int = 0) -> Contender:
    """A build of a source."""
    recipe = ours.recipe(work, source, variant)
    return Contender(name or variant, lambda out: ours.build(recipe, out, workers))


def scale(sources: Sequence[Path], rounds: int, work: Path) -> tuple[dict[str, Any], Comparison]:
    """Build articles of several sizes: time and memory must grow with the rows, and memory by little.

    ``growth`` is how many bytes of anonymous memory one more row takes, between the smallest corpus and the largest.
    """
    builds = [contender(work, source, "articles", source.stem) for source in sources]
    found, sizes = compare(builds, rounds, work / "out"), dict[str, Any]()
    for source in sources:
        if source.stem in found.runs:
            seconds, memory = found.median(source.stem, "seconds"), found.median(source.stem, "anonymous")
            sizes[source.stem] = {
                "bytes": source.stat().st_size,
                "rows": rows(source),
                "seconds_per_gigabyte": round(seconds / source.stat().st_size * 1e9, 3),
                "anonymous": int(memory),
            }
    ends = sorted(sizes.values(), key=lambda one: int(one["rows"]))
    more = ends[-1]["rows"] - ends[0]["rows"] if ends else 0
    growth = round((ends[-1]["anonymous"] - ends[0]["anonymous"]) / more, 1) if more else None
    return {"sizes": sizes, "growth": growth, **found.facts()}, found


def workers(source: Path, rounds: int, work: Path) -> tuple[dict[str, Any], Comparison]:
    """Build articles with one worker and with two: ``speedup`` is the median of the paired ratios."""
    builds = [contender(work, source, "articles", f"{count} workers", count) for count in (1, 2)]
    found = compare(builds, rounds, work / "out")
    both = len(found.runs) == 2
    return {"speedup": round(found.ratios("1 workers", "2 workers")[1], 3) if both else None, **found.facts()}, found


def same_bytes(sources: Sequence[Path], work: Path) -> dict[str, Any]:
    """Build each source with all `WORKERS` and `BLOCKS`: every file of the release must come out the same."""
    told = dict[str, Any]()
    for source in sources:
        variant = source.stem.partition("-")[0]
        recipe = ours.recipe(work, source, variant)
        builds = [
            Contender(f"{count} workers, blocks {block or 'as usual'}", command)
            for count, block in product(WORKERS, BLOCKS)
            for command in [partial(ours.build_in_blocks, recipe, workers=count, block=block)]
        ]
        digests = dict[str, str]()
        found = compare(builds, 1, work / "out", partial(_digest, digests))
        same = len(set(digests.values())) == 1 and not found.skipped
        told[variant] = {"same": same, "digests": digests, "skipped": found.skipped}
    return told


def planted(clean: Path, spoiled: Path, rounds: int, work: Path) -> tuple[dict[str, Any], Comparison]:
    """Build articles with and without spoiled lines: exactly those must be rejected, and how much longer it takes."""
    seen = list[dict[str, Any]]()
    builds = [contender(work, clean, "planted", "clean"), contender(work, spoiled, "planted", "planted")]
    found = compare(builds, rounds, work / "out", _into(seen))
    listing = spoiled.with_name(f"{spoiled.name}.planted")
    told = ours.differences(listing, seen)
    ratio = found.ratios("planted", "clean")[1] if len(found.runs) == 2 else None
    return {**told, "times_clean": ratio and round(ratio, 3), **found.facts()}, found


def rows(source: Path) -> int:
    """Lines of a file."""
    with source.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _digest(digests: dict[str, str], name: str, out: Path) -> None:
    digests[name] = ours.digest(out)


def _into(seen: list[dict[str, Any]]) -> Callable[[str, Path], None]:
    """Keep the rejected rows of the last build of the spoiled corpus."""

    def look(name: str, out: Path) -> None:
        if name == "planted":
            place = next(path for path in out.iterdir() if path.suffix == ".removed")
            seen[:] = ours.rejected(place.with_suffix(""))

    return look

#!/usr/bin/env python3
"""Measure Parquetry beside what a user would pick instead, and check what it promises.

    python bench/run.py                                    everything, on a gigabyte
    python bench/run.py --size 100MB --only articles --peers polars,duckdb

The corpora are made once, into the work folder. Everything is run once on a small corpus first, so that no contender
pays for what the next finds warm. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import checks
import corpus
import report
from compare import Comparison, Contender, compare
from peers import PEERS

HERE = Path(__file__).resolve().parent
#: What can be asked for by ``--only``.
PARTS = {
    "articles": "parse, judge, drop exact duplicates, split and write, beside tools that only convert",
    "slow": "the same on a tenth, beside tools that take minutes for a gigabyte",
    "events": "small records, three tenths of the size",
    "scale": "time and memory by size",
    "workers": "one worker against two",
    "bytes": "the same bytes with 1, 2 and 4 workers, and two sizes of blocks; on a tenth",
    "planted": "spoiled lines are found, and what finding them costs",
}


class Bench:
    """One run of the benchmark: what it was asked for, and what it found."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.work = given, given.work.resolve()
        self.facts = dict[str, Any]()
        self.versions = {
            name: version(name) for name in ("parquetry", "pyarrow", "jsonschema", "jsonschema-rs", "numpy")
        }
        self.panels = list[report.Panel]()

    def source(self, name: str, size: int, planted: int = 0) -> Path:
        """The path of a corpus, which is made if it is not there, or older than what makes it."""
        path = Path(self.work, f"{name}-{size // 1_000_000}MB{f'-planted-{planted}' if planted else ''}.jsonl")
        makers = [HERE / "corpus.py", HERE / "planted.py"]
        if not path.exists() or path.stat().st_mtime < max(maker.stat().st_mtime for maker in makers):
            print(f"making {path.name}", file=sys.stderr)
            corpus.write(name, size, path, planted)
        return path

    def beside(self, part: str, name: str, size: int, *, fast: bool) -> None:
        """Measure the builds of a corpus in turn with those peers that are fast, or with the others."""
        wanted = self.given.peers or PEERS
        able = [peer for peer in PEERS.values() if peer.fast == fast and name in peer.corpora.split()]
        picked = [peer for peer in able if peer.name in wanted]
        plain = ["plain"] if name == "articles" else []

        def contenders(source: Path) -> list[Contender]:
            builds = [checks.contender(self.work, source, name, "parquetry")]
            builds += [checks.contender(self.work, source, variant, f"parquetry {variant}") for variant in plain]
            return builds + [Contender(one.name, partial(_peer, one.name, source)) for one in picked]

        compare(contenders(self.source(name, 3_000_000)), 1, self.work / "out")
        source = self.source(name, size)
        found = compare(contenders(source), self.given.rounds, self.work / "out")
        self.versions |= found.versions
        facts = {"bytes": source.stat().st_size, "rows": checks.rows(source), **found.facts()}
        facts["ratios"] = {one: _ratios(found, one) for one in report.OURS if one in found.runs}
        self.panels.append(report.panel(f"{name}, {_sized(size)}", found, source.stat().st_size / 1e9))
        self.tell(part, f"{name}, {_sized(size)}", facts, found, source)

    def tell(self, part: str, title: str, facts: dict[str, Any], found: Comparison, *sources: Path) -> None:
        """Keep the facts of a part, and print its table; a contender reads the source of its name, or the only one."""
        self.facts[part] = facts
        gigabytes = dict.fromkeys(found.runs, sources[0].stat().st_size / 1e9)
        gigabytes |= {source.stem: source.stat().st_size / 1e9 for source in sources}
        print("\n" + "\n".join(report.table(title, found, gigabytes)), flush=True)

    def run(self, part: str) -> None:
        """Measure one part."""
        size, rounds = self.given.size, self.given.rounds
        if part in ("articles", "slow"):
            self.beside(part, "articles", size if part == "articles" else size // 10, fast=part == "articles")
        elif part == "events":
            self.beside(part, "events", size * 3 // 10, fast=True)
        elif part == "scale":
            sources = [self.source("articles", one) for one in self.given.scale]
            self.tell(part, "articles by size", *checks.scale(sources, rounds, self.work), *sources)
            print(f"  one more row takes {self.facts[part]['growth']} bytes of memory")
        elif part == "workers":
            source = self.source("articles", size)
            self.tell(part, f"articles, {_sized(size)}", *checks.workers(source, rounds, self.work), source)
        elif part == "bytes":
            sources = [self.source(name, size // 10) for name in corpus.CORPORA]
            self.facts[part] = checks.same_bytes(sources, self.work)
            for name, one in self.facts[part].items():
                told = "the same bytes" if one["same"] else "NOT THE SAME BYTES"
                print(f"\n{name}: {len(one['digests'])} builds, {told}")
        else:
            clean, spoiled = self.source("articles", size), self.source("articles", size, self.given.planted)
            self.tell(part, "spoiled lines", *checks.planted(clean, spoiled, rounds, self.work), clean)
            facts = self.facts[part]
            print(f"  {facts['planted']} spoiled, {facts['found']} rejected, in {facts['times_clean']} times the time")
            print("".join(f"  {what} {line}\n" for what in ("missed", "beyond") for line in facts[what][:20]), end="")

    def document(self) -> dict[str, Any]:
        """All facts, with the machine and the versions that they hold for; no name of a host, no path, no clock."""
        return {"machine": machine(), "versions": self.versions, "rounds": self.given.rounds, "parts": self.facts}

    def failed(self) -> bool:
        """Whether a promise was broken, or one of our own builds ended in an error."""
        parts = self.facts
        broken = [not one["same"] for one in parts.get("bytes", {}).values()]
        broken += [bool(part.get(what)) for part in parts.values() for what in ("missed", "beyond")]
        skipped = [name for part in parts.values() for name in part.get("skipped", ())]
        return any(broken) or any(name not in PEERS for name in skipped)


def machine() -> dict[str, Any]:
    """The processors, the memory and the interpreter that figures hold for."""
    processors = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in processors if line.startswith("model name")), "unknown")
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def _ratios(found: Comparison, ours: str) -> dict[str, dict[str, float]]:
    ratios = {other: found.ratios(ours, other) for other in found.runs if other != ours}
    return {other: {"of_medians": round(one, 3), "paired": round(two, 3)} for other, (one, two) in ratios.items()}


def _peer(name: str, source: Path, out: Path) -> list[str]:
    return [sys.executable, str(HERE / "peers.py"), name, str(source), str(out)]


def _sized(size: int) -> str:
    return f"{size / 1e9:g} GB" if size >= 1e9 else f"{size / 1e6:g} MB"


def _names(known: Iterable[str], text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return names


def _sizes(text: str) -> list[int]:
    return [corpus.bytes_of(one) for one in text.split(",")]


def _arguments() -> argparse.Namespace:
    epilog = "\n".join(f"  {name:10}{what}" for name, what in PARTS.items())
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"parts:\n{epilog}", formatter_class=shape)
    add = parser.add_argument
    add("--size", type=corpus.bytes_of, default=10**9, help="bytes of the articles, such as 100MB (default: 1GB)")
    add("--rounds", type=int, default=3, help="how often each is run (default: 3)")
    add("--only", type=partial(_names, PARTS), default=[*PARTS], metavar="PARTS", help="separated by commas")
    add("--peers", type=partial(_names, PEERS), default=[], metavar="NAMES", help=f"of {', '.join(PEERS)}")
    sizes = [3 * 10**8, 10**9, 3 * 10**9]
    add("--scale", type=_sizes, default=sizes, metavar="SIZES", help="separated by commas (default: 0.3GB,1GB,3GB)")
    add("--planted", type=int, default=1000, metavar="N", help="lines to spoil (default: 1000)")
    add("--work", type=Path, default=HERE / "work", metavar="DIR", help="folder of the corpora (default: bench/work)")
    add("--out", type=Path, default=HERE / "results.json", metavar="FILE", help="and the plot beside it, as .svg")
    return parser.parse_args()


def main() -> int:
    """Measure what the command line asks for; 1 if a promise was broken."""
    bench = Bench(_arguments())
    bench.work.mkdir(parents=True, exist_ok=True)
    for part in bench.given.only:
        bench.run(part)
    text = json.dumps(bench.document(), indent=1, sort_keys=True) + "\n"
    bench.given.out.write_text(text, encoding="utf-8")
    if bench.panels:
        bench.given.out.with_suffix(".svg").write_bytes(report.plot(bench.panels))
    return int(bench.failed())


if __name__ == "__main__":
    sys.exit(main())

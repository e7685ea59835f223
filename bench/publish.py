#!/usr/bin/env python3
"""Publish a release of some size to a folder and to a stand-in for the Hub, and get it back: seconds and memory.

    python bench/publish.py [SIZE]      # default 2GB; in bench/work/, which is removed by make clean

Getting it back is timed beside a bare download by the client of the Hub, in turn, so that what verifying adds is seen.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from measure import Cost, run

HERE = Path(__file__).parent
WORK = HERE / "work" / "publish"
sys.path.insert(0, str(HERE.parent / "tests"))
REPO = "acme/articles"
#: What a reader without us does.
BARE = (
    "import sys; from huggingface_hub import snapshot_download as get; "
    f"get({REPO!r}, repo_type='dataset', local_dir=sys.argv[1])"
)
RECIPE = """[dataset]
name = "articles"
version = "1.0.0"
title = "Articles"
summary = "Articles that say nothing."
license = "cc0-1.0"
languages = ["en"]
released = "2026-11-22"
creators = [{ name = "Nobody" }]
[tables.articles]
schema = "../../articles.schema.json"
sources = ["articles.jsonl"]
id = "id"
split = { only = "train" }
"""


def main() -> int:
    """Measure, and print."""
    from hub_double import HubDouble  # type: ignore[import-not-found]

    size = sys.argv[1] if len(sys.argv) > 1 else "2GB"
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    python = [sys.executable, "-m", "parquetry"]
    subprocess.run([sys.executable, HERE / "corpus.py", "articles", size, WORK / "articles.jsonl"], check=True)
    (WORK / "recipe.toml").write_text(RECIPE, "utf-8")
    subprocess.run([*python, "build", str(WORK / "recipe.toml"), "--out", str(WORK)], check=True, capture_output=True)
    (WORK / "articles.jsonl").unlink()
    release = WORK / "articles-1.0.0"
    said("verify --deep", run([*python, "verify", "--deep", str(release)]))
    said("publish to a folder", run([*python, "publish", str(release), str(WORK / "public")]))
    shutil.rmtree(WORK / "public", ignore_errors=True)
    with HubDouble(WORK / "hub") as hub:
        hub.repo(REPO)
        known = {
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_write",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(WORK / "home"),
        }
        said("publish to the Hub", run([*python, "publish", str(release), f"hf://datasets/{REPO}"], known))
        mine, bare = list[float](), list[float]()
        for _ in range(3):
            for name in ("mine", "bare"):
                shutil.rmtree(WORK / name, ignore_errors=True)
            cost = run([*python, "get", f"hf://datasets/{REPO}", str(WORK / "mine")], known)
            said("get", cost)
            mine.append(cost.seconds)
            cost = run([sys.executable, "-c", BARE, str(WORK / "bare")], known)
            said("snapshot_download", cost)
            bare.append(cost.seconds)
        print(f"get / snapshot_download: {statistics.median(mine) / statistics.median(bare):.2f}")
    return 0


def said(what: str, cost: Cost) -> None:
    """Print a line."""
    print(f"{what:24} {cost.seconds:7.1f} s  {cost.anonymous / 1e6:7.0f} MB  exit {cost.code}", flush=True)
    if cost.code:
        print(cost.errors, file=sys.stderr)


if __name__ == "__main__":
    os.chdir(HERE)
    sys.exit(main())

"""Pictures show the numbers of a release, say them in words, and come out the same each time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
from conftest import RELEASE, Project
from test_statistics import rows_of
from test_verify import found, reseal

from parquetry.papers.pictures import Panel, Picture
from parquetry.papers.plots import draw

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()).strip() for one in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_picture_has_a_bar_with_its_number_for_each_label() -> None:
    panel = Panel("kind", ["one", "two <b>", "$x$"], {"": [3, 20_000, 1]}, True, "rows")
    shown = texts(draw(Picture("assets/x.svg", "Kinds", [panel])))
    assert {"kind", "one", "two <b>", "$x$", "3", "20,000", "1"} == set(shown)


def test_the_same_numbers_give_the_same_bytes_in_another_process() -> None:
    program = (
        "from parquetry.papers.pictures import Panel, Picture\nfrom parquetry.papers.plots import draw\n"
        "panel = Panel('rows', ['a', 'b'], {'train': [1, 2], 'test': [3, 4]}, True, 'rows')\n"
        "print(draw(Picture('assets/x.svg', 'Rows', [panel, panel._replace(across=False)])), end='')"
    )
    made = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": seed, "TZ": zone}
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert made[0] == made[1] and made[0].startswith(b"<?xml")
    assert not re.search(rb"20\d\d-\d\d-\d\d", made[0]), "no clock"


def test_no_setting_of_a_user_folder_or_machine_shows_and_none_is_written(tmp_path: Path) -> None:
    """matplotlib reads settings where it runs, makes folders at home, and starts programs to find fonts."""
    program = (
        "import sys\nfrom parquetry.papers.pictures import Panel, Picture\nfrom parquetry.papers.plots import draw\n"
        "started = []\n"
        "sys.addaudithook(lambda event, facts: started.append(facts) if event == 'subprocess.Popen' else None)\n"
        "print(draw(Picture('assets/x.svg', 'Rows', [Panel('rows', ['\u6f22', 'b'], {'': [1, 2]}, True, 'rows')])))\n"
        "import matplotlib.font_manager\n"
        "assert len(matplotlib.font_manager.fontManager.ttflist) == 1, 'the list of fonts is not what it reads'\n"
        "assert not started, started"
    )
    settings = "text.usetex: True\nfont.size: 30\naxes.facecolor: red\nsvg.fonttype: path\nfigure.dpi: 300\n"
    made = []
    for name, text in (("plain", ""), ("set", settings)):
        (tmp_path / name).mkdir()
        if text:
            (tmp_path / name / "matplotlibrc").write_text(text)
        (tmp_path / "home").mkdir(exist_ok=True)
        environment = os.environ | {"HOME": str(tmp_path / "home"), "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env=environment, cwd=tmp_path / name
        )
        assert done.stderr == b""
        made.append(done.stdout)
    assert made[0] == made[1]
    assert not list((tmp_path / "home").iterdir())


def test_pictures_stand_out_from_white_and_from_black() -> None:
    for path in RELEASE.glob("assets/*.svg"):
        for colour in set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", path.read_text())):
            parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
            linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
            light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
            assert 1.05 / (light + 0.05) >= 3 and (light + 0.05) / 0.05 >= 3, colour


def test_the_card_shows_each_picture_with_its_numbers_in_words() -> None:
    card = (RELEASE / "README.md").read_text()
    shown = dict(re.findall(r"!\[(.*?)\]\((assets/.*?)\)", card))
    assert sorted(shown.values()) == sorted(p.relative_to(RELEASE).as_posix() for p in RELEASE.glob("assets/*"))
    said = next(text for text, path in shown.items() if path == "assets/events-values.svg")
    counts = Counter(row["direction"] for row in rows_of(RELEASE, "events"))
    bars = ", ".join(f"{value} {rows}" for value, rows in counts.most_common()).replace("_", r"\_")
    assert f"direction: {bars}." in said


def test_the_card_of_the_repository_shows_them_from_the_release() -> None:
    root = RELEASE.parent.parent
    paths = re.findall(r"!\[.*?\]\((.*?)\)", (root / "DATASET_CARD.md").read_text())
    assert paths and all((root / path).is_file() for path in paths)


def test_a_number_in_words_that_is_edited_is_found(release: Path) -> None:
    path = release / "README.md"
    path.write_text(re.sub(r"(\(assets/rows|train articles) 5,", r"\1 6,", path.read_text(), count=1))
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "README.md: statistics")]


@pytest.mark.parametrize(
    "days", [["2020-01-01", "2020-01-05"], ["2020-01-01", "2021-03-01"], ["1999-01-01", "2020-01-01"]]
)
def test_time_without_rows_is_shown_as_such(days: list[str], project: Project) -> None:
    project.rows("notes.jsonl", [{"id": day, "text": "x", "day": day} for day in days])
    project.build()
    svg = (project.release / "assets/notes-time.svg").read_text()
    told = json.loads((project.release / "statistics.json").read_text())["tables"]["notes"]["columns"]["day"]
    bars = {"day": 5, "month": 15, "year": 22}[told["per"]]
    assert len(re.findall(r'<g id="patch_\d+">', svg)) == bars + 4, "and two grounds, and two spines"

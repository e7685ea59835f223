"""What is installed is what was tested: the package as a reader gets it, not as this folder holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from conftest import ROOT, Project


def test_every_floor_of_the_house_is_in_the_package() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    assert set(named) == {
        ".".join(path.parent.relative_to(ROOT / "src").parts) for path in (ROOT / "src").rglob("__init__.py")
    }


@pytest.mark.slow
def test_an_installed_package_builds_and_verifies(project: Project, tmp_path: Path) -> None:
    """A wheel of what is committed, unpacked where this folder is not seen."""
    subprocess.run(["git", "clone", "-q", "--depth", "1", ROOT.as_uri(), "clone"], cwd=tmp_path, check=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-w", "wheels", "./clone"], cwd=tmp_path, check=True)
    with ZipFile(next((tmp_path / "wheels").glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    project.rows("notes.jsonl", [{"id": f"n{i}", "text": f"Note {i}."} for i in range(20)])
    for arguments in (["build", "--out", "out"], ["verify", "--deep", "out/notes-1.0.0"], ["new", "made"]):
        done = subprocess.run(
            [sys.executable, "-c", "import parquetry.reader.cli as c; print(c.__file__); c.main()", *arguments],
            cwd=project.root,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert str(tmp_path / "site") in done.stdout

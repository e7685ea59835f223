"""The build that was installed with this package, whatever else is called ``build_dataset`` where it runs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import parquetry
from parquetry.reader.drift import Built

Build = Callable[..., Built]


def story() -> Build:
    """The function ``build`` of ``build_dataset.py``: beside the package where it is installed, above it in a clone."""
    package = Path(parquetry.__file__).parent
    places = (package.with_name("build_dataset.py"), package.parent.with_name("build_dataset.py"))
    spec = spec_from_file_location("parquetry_story", next(place for place in places if place.is_file()))
    assert spec and spec.loader, "it is a file of Python"
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    build: Build = module.build
    return build

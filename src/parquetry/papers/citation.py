"""What is known about a release -> CITATION.cff, LICENSE and ATTRIBUTION.md.

CITATION.cff follows the Citation File Format 1.2.0 (https://citation-file-format.github.io).
"""

from __future__ import annotations

import json
from typing import Any

from parquetry.papers.facts import Facts
from parquetry.papers.markdown import escape
from parquetry.words.dataset import Creator, Origin
from parquetry.words.licenses import asked, label, license_url, spdx

#: Licences of the SPDX list that the schema of CFF 1.2.0 does not know; they are given by their address.
_NOT_IN_CFF = ("CDLA-Permissive-2.0",)
#: Licences that give up the copyright.
_PUBLIC_DOMAIN = ("cc0-1.0", "pddl", "unlicense")


def citation(facts: Facts) -> str:
    """The text of ``CITATION.cff``; each value is written as JSON, which is YAML too."""
    dataset = facts.manifest.dataset
    known = {
        "cff-version": "1.2.0",
        "message": "If you use this data set, please cite it as below.",
        "type": "dataset",
        "title": dataset.title,
        "abstract": dataset.summary,
        "version": dataset.version,
        "date-released": dataset.released,
        "authors": [_author(creator) for creator in dataset.creators],
        "keywords": list(dataset.keywords),
        "doi": dataset.doi,
        "url": dataset.homepage,
    }
    licence, url = spdx(dataset.license), license_url(dataset.license)
    known |= {"license": licence} if licence and licence not in _NOT_IN_CFF else {"license-url": url}
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in known.items() if value)


def license_text(facts: Facts) -> str:
    """The text of ``LICENSE``: who grants what, and where the licence can be read."""
    dataset = facts.manifest.dataset
    names = ", ".join(creator.name for creator in dataset.creators)
    licence, url = spdx(dataset.license), license_url(dataset.license)
    lines = [
        f"{dataset.title}, version {dataset.version}",
        f"{'By' if dataset.license in _PUBLIC_DOMAIN else 'Copyright (c)'} {names}, {dataset.released[:4]}",
        "",
        f"This data set is made available under the licence {licence or dataset.license}.",
        f"The full text of the licence: {url}" if url else "The terms are described in README.md.",
        *([f"SPDX-License-Identifier: {licence}"] if licence else []),
        "",
        "The rights in the sources are stated, source by source, in README.md.",
    ]
    return "\n".join(lines) + "\n"


def attribution(facts: Facts) -> str:
    """The text of ``ATTRIBUTION.md``: the origins whose licences ask to be named; empty if none does."""
    dataset = facts.manifest.dataset
    parts = [_named(origin) for origin in dataset.origins if "by" in (asked(origin.license) or ())]
    if not parts:
        return ""
    head = f"# Attribution\n\n{escape(dataset.title)}, version {dataset.version}, is made from the following works."
    return "\n\n".join([head, *parts]) + "\n"


def _named(origin: Origin) -> str:
    """One work, as its licence asks: its name, its address, its licence, and what was done."""
    lines = [f"* **{escape(origin.name)}**" + (f", {escape(origin.url)}" if origin.url else "")]
    lines.append(f"  Licence: {escape(label(origin.license))}, {license_url(origin.license)}")
    lines += [f"  {escape(text)}" for text in (origin.rights, origin.permission) if text]
    lines += [f"  Retrieved: {escape(origin.retrieved)}"] if origin.retrieved else []
    return "\n".join(lines)


def _author(creator: Creator) -> dict[str, Any]:
    """A person where the name has the form `Family, Given`, else an entity."""
    family, comma, given = creator.name.partition(", ")
    author = {"family-names": family, "given-names": given} if comma else {"name": creator.name}
    return author | {
        k: v for k, v in {"affiliation": creator.affiliation, "orcid": creator.orcid}.items() if v and comma
    }

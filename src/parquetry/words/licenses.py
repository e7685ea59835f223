"""A licence -> its name elsewhere, its text, and what it asks for; and whether it may stand over what it is made from.

The ids are those of the Hub; SPDX ids (https://spdx.org/licenses/) come from the list that `packaging` keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from parquetry.words.dataset import Dataset
from parquetry.words.errors import Problem

#: What a licence may ask of those who pass the work on, and how a message says it.
ASKED = {
    "by": "to name the source",
    "sa": "to share under the same terms",
    "nc": "no commercial use",
    "nd": "no changed versions",
}
#: Licences that ask for nothing.
_FREE = ("cc0-1.0", "pddl", "unlicense", "wtfpl")
#: Licences, by the start of their ids, whose terms hold for what is made from the work too.
_SHARED = ("agpl", "gpl", "lgpl", "odbl", "cdla-sharing", "gfdl", "eupl", "osl", "mpl", "epl", "lppl")


def spdx(license: str) -> str:
    """The SPDX id of a licence of the Hub, or nothing where there is none.

    >>> spdx("cc-by-4.0"), spdx("odc-by"), spdx("llama3")
    ('CC-BY-4.0', 'ODC-By-1.0', '')
    """
    name = {"odc-by": "ODC-By-1.0", "odbl": "ODbL-1.0", "pddl": "PDDL-1.0", "other": ""}.get(license, license)
    try:
        return canonicalize_license_expression(name) if name and name != "unknown" else ""
    except InvalidLicenseExpression:
        return ""


def label(license: str) -> str:
    """What a licence is called: by its SPDX id, or where it has none by that of the Hub."""
    return spdx(license) or license


def license_url(license: str) -> str:
    """Where the text of a licence of the Hub can be read, or nothing.

    >>> license_url("cc-by-sa-4.0")
    'https://creativecommons.org/licenses/by-sa/4.0/'
    """
    if license == "cc0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    if match := re.fullmatch(r"cc-(by[a-z-]*)-(\d\.\d)", license):
        return f"https://creativecommons.org/licenses/{match[1]}/{match[2]}/"
    return f"https://spdx.org/licenses/{name}.html" if (name := spdx(license)) else ""


def asked(license: str) -> frozenset[str] | None:
    """What a licence asks for, by the keys of `ASKED`; None if that is not known.

    >>> sorted(asked("cc-by-nc-sa-4.0")), sorted(asked("cc0-1.0")), asked("other")
    (['by', 'nc', 'sa'], [], None)
    """
    if license in _FREE:
        return frozenset()
    if match := re.fullmatch(r"cc-([a-z-]+)-\d\.\d", license):
        return frozenset(match[1].split("-"))
    if license in ("other", "unknown", "cc") or not spdx(license):
        return None
    return frozenset({"by", "sa"}) if license.startswith(_SHARED) else frozenset({"by"})


def rights(dataset: Dataset, where: str) -> Iterator[Problem]:
    """A warning for each origin whose licence asks for more than that of the dataset, or of which nothing is known."""
    own = asked(dataset.license)
    for number, origin in enumerate(dataset.origins):
        place, theirs = f"{where}: dataset.origins.{number}", asked(origin.license)
        if origin.permission:
            continue
        if theirs is None:
            if not origin.rights:
                fix = 'say what you may do with it: rights = "..."'
                yield Problem("WARN_RIGHTS_UNKNOWN", f"{place}.rights", f"nothing is known of {origin.name!r}", fix)
            continue
        if "nd" in theirs and origin.license != dataset.license:
            missing = ["nd"]
        else:
            missing = [one for one in ASKED if own is not None and one in theirs - own]
        if missing:
            what = f"{origin.license} asks {', '.join(ASKED[one] for one in missing)}; {dataset.license} does not"
            fix = 'choose a licence that does, or say why this is allowed: permission = "..."'
            yield Problem("WARN_LICENSE_LOOSER", f"{place}.license", what, fix)

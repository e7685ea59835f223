"""What a name, a size, a day or a licence may be: the words of a recipe, as types that check themselves.

The licence ids are those of the Hub's dataset card specification; `licenses` says what they mean.
"""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from parquetry.words.errors import BIDI

#: Licence ids of the Hub (its dataset card specification, table "Licenses").
LICENSES = tuple(
    """afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0
    etalab-2.0 eupl-1.1 eupl-1.2 fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community
    h-research intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
    lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openmdw-1.0 openmdw-1.1 openrail openrail++ osl-3.0 other
    pddl postgresql unknown unlicense wtfpl zlib""".split()
)
_UNITS = {"": 1, "B": 1} | {f"{p}B": 1000**i for i, p in enumerate("kMGT", 1)}
_UNITS |= {f"{p}iB": 1024**i for i, p in enumerate("KMGT", 1)}


class Part(BaseModel):
    """What all tables of a recipe have in common: they are frozen, strict, and know their keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def wrong(code: str, what: str, fix: str = "") -> PydanticCustomError:
    """A mistake in a recipe with a code of its own."""
    return PydanticCustomError(code, "{what}", {"what": what, "fix": fix})


def parse_bytes(text: str) -> int:
    """A number of bytes, written as in a recipe.

    >>> parse_bytes("2KiB"), parse_bytes("256 MB")
    (2048, 256000000)
    """
    match = re.fullmatch(r"(\d+) ?([A-Za-z]*)", text)
    if match and match[2] in _UNITS:
        return int(match[1]) * int(_UNITS[match[2]])
    raise wrong("RECIPE_VALUE", f"{text!r} is not a size", "write it like '256MB', '64MiB', or in bytes")


def _bytes(value: object) -> object:
    return parse_bytes(value) if isinstance(value, str) else value


def encoding_name(name: str) -> str:
    """The name of an encoding of text, as Python calls it."""
    try:
        codec = codecs.lookup(name)
        if codec.encode("a")[0] and isinstance(codec.decode(b"")[0], str):
            return str(codec.name)
    except (LookupError, UnicodeError, TypeError, ValueError):
        pass
    raise wrong("RECIPE_VALUE", f"{name!r} is not an encoding of text", "write it like 'utf-8', 'cp1252' or 'utf-16'")


#: Names that no file can have on Windows, whatever its suffix.
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE)


def split_name(name: str) -> str:
    """The name of a split, if readers and file systems accept it."""
    if not re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", name) or len(name) > 60:
        raise wrong("SPLIT_NAME", f"{name!r} cannot be the name of a split", "use letters, digits, '_' and '.'")
    if name == "all" or RESERVED.fullmatch(name):
        raise wrong("SPLIT_NAME", f"the split name {name!r} is reserved", "choose another, such as 'train'")
    return name


def file_name(path: str) -> str:
    """A path whose last part can be the name of a file of a release on any system."""
    name = path.rpartition("/")[2]
    if any(c in BIDI or c in '<>:"|?*\\' or not c.isprintable() for c in name) or name.endswith((".", " ")):
        raise wrong("RECIPE_VALUE", f"{name!r} cannot be the name of a file on every system", "rename the file")
    _unreserved(name)
    return path


def alike(names: Iterable[str]) -> str:
    """Names that would be one on a system that does not tell upper from lower case, as a message says it.

    >>> alike(["train", "test", "Train"]), alike(["train", "test"])
    ("'train' and 'Train'", '')
    """
    known: dict[str, str] = {}
    for name in names:
        if (other := known.setdefault(name.casefold(), name)) != name:
            return f"{other!r} and {name!r}"
    return ""


def _unreserved(name: str) -> str:
    if RESERVED.fullmatch(name):
        raise wrong("RECIPE_VALUE", f"Windows reserves the name {name!r}", "choose another")
    return name


def license_fix(name: str) -> str:
    """What to write in place of a licence id that the Hub does not have.

    >>> license_fix("CC-BY"), license_fix("mti")
    ("did you mean 'cc-by-4.0'?", "use a licence id of the Hub (near it: mit), or 'other'")
    """
    plain = name.lower().replace(" ", "-").rstrip("-")
    numbered = re.compile(re.escape(plain) + r"-[0-9.]+")
    alike = sorted(filter(numbered.fullmatch, LICENSES), reverse=True)
    alike = alike or difflib.get_close_matches(plain, LICENSES, 1, 0.8)
    near = difflib.get_close_matches(plain, LICENSES, 3, 0.5)
    if alike and alike[0] != "unlicense":  # which is a licence, and reads like having none
        return f"did you mean {alike[0]!r}?"
    return "use a licence id of the Hub" + (f" (near it: {', '.join(near)})" if near else "") + ", or 'other'"


def _license(name: str) -> str:
    if name not in LICENSES:
        raise wrong("RIGHTS_LICENSE_UNKNOWN", f"unknown licence id {name!r}", license_fix(name))
    return name


def precedence(version: str) -> tuple[object, ...]:
    """What semantic versions are ordered by (https://semver.org, rule 11); what is none comes before all.

    >>> precedence("1.0.0-rc.2") < precedence("1.0.0-rc.10") < precedence("1.0.0") < precedence("1.10.0")
    True
    """
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?", version, re.ASCII)
    if not match:
        return (-1,)
    parts = match[4].split(".") if match[4] else []
    before = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
    return (*map(int, match.group(1, 2, 3)), not parts, tuple(before))


def _rejected(value: object) -> object:
    """So many rows, or their share."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?%", value):
        if float(value[:-1]) <= 100:
            return value
        raise wrong("RECIPE_VALUE", f"{value!r} is more than all rows", 'write at most "100%"')
    share = isinstance(value, float) and 0 < value < 1
    fix = f'write "{100 * float(str(value)):g}%" for this share of the rows' if share else 'write it like 5 or "0.1%"'
    raise wrong("RECIPE_VALUE", f"{value!r} is not a number of rows, nor a share of them", fix)


def _line(text: str) -> str:
    if any(c in BIDI or not c.isprintable() for c in text) or not text.strip():
        raise wrong("CARD_NAME", "must be one line of visible text", "remove line breaks and control characters")
    return text


def is_day(text: str) -> bool:
    """Whether a text is a day, YYYY-MM-DD."""
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) and date.fromisoformat(text))
    except ValueError:
        return False


def _day(text: str) -> str:
    if is_day(text):
        return text
    raise wrong("RECIPE_VALUE", f"{text!r} is not a day", "write it like '2026-11-22'")


def _tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Bytes = Annotated[int, BeforeValidator(_bytes, json_schema_input_type=int | str), Field(gt=0, le=2**62)]
#: How many rows may be rejected.
Rejected = Annotated[
    Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")], BeforeValidator(_rejected)
]
FileName = Annotated[str, AfterValidator(file_name)]
TableName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$"), AfterValidator(_unreserved)]
SplitName = Annotated[str, AfterValidator(split_name)]
License = Annotated[str, AfterValidator(_license)]
Line = Annotated[str, AfterValidator(_line)]
Day = Annotated[str, AfterValidator(_day)]
Names = Annotated[tuple[str, ...], BeforeValidator(_tuple, json_schema_input_type=str | list[str])]
Language = Annotated[str, Field(pattern=r"^([a-z]{2,3}|code|multilingual)$", examples=["en", "be"])]
#: What happens to rows with the text of an earlier one, and to those with nearly that text.
Exact = Literal["drop", "group", "keep"]
Near = Literal["off", "group", "drop"]
#: The ways in which the rows of a table come to their splits.
Method = Literal["assigned", "follow", "only", "ratios", "time", "given"]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[-_.][a-z0-9]+)*$", max_length=96, examples=["my-notes"])]

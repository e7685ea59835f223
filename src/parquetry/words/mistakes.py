"""What pydantic finds wrong in a recipe -> problems with their place and what to do.

A key that is not known is told with the key that was meant, a wrong value with how to write it, or with the meaning of
its key: they are read from the JSON Schema of the model, so that nothing is said twice.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from pydantic_core import ErrorDetails

from parquetry.words.errors import Problem

Document = dict[str, Any]


def problems_of(details: list[ErrorDetails], name: str, document: Document) -> list[Problem]:
    """One problem for each mistake: a list is not told that it is too short because of what is wrong in it.

    Args:
        details: What pydantic found.
        name: Of the file.
        document: The JSON Schema of the model, which knows its keys and what they mean.
    """
    places = [detail["loc"] for detail in details]
    inner = {place[:length] for place in places for length in range(len(place))}
    found = [_problem(detail, name, document) for detail in details if detail["loc"] not in inner]
    return list({problem.where: problem for problem in reversed(found)}.values())[::-1]


def _problem(detail: ErrorDetails, name: str, document: Document) -> Problem:
    steps = [str(step) for step in detail["loc"] if not str(step).startswith(("constrained-", "function-", "[key]"))]
    where = f"{name}: {'.'.join(steps)}" if steps else name
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem("RECIPE_UNKNOWN_KEY", where, "unknown key", _guess(detail["loc"], document))
    if kind == "missing":
        return Problem("RECIPE_MISSING_KEY", where, "this key is required", f"add `{steps[-1]} = …`")
    if kind.isupper():
        return Problem(kind, where, str(context["what"]), str(context["fix"]))
    what = detail["msg"].replace("Tuple", "list").replace(" after validation", "")
    found = json.dumps(detail["input"], ensure_ascii=False)[:80]
    fix = _instead(kind, detail["input"], _documented(detail["loc"], document))
    return Problem("RECIPE_VALUE", where, f"{what[0].lower()}{what[1:]}, found {found}", fix)


def _instead(kind: str, value: Any, spec: Document) -> str:
    """What to write instead of a value, given by the kind of the mistake and what the place is for."""
    written = json.dumps(value, ensure_ascii=False)[:80]
    if kind in ("tuple_type", "list_type"):
        return f"write it in brackets: [{written}]" if isinstance(value, str) else "write it in brackets: [ … ]"
    if kind == "string_type" and isinstance(value, int | float):
        return f'write it in quotes: "{written}"'
    if kind == "bool_type":
        return "write true or false"
    if kind == "model_type":
        return f"write it as a table: {{ {(spec.get('required') or list(spec['properties']))[0]} = … }}"
    if spec.get("examples"):
        return f"write it like {' or '.join(map(repr, spec['examples']))}"
    return str(spec.get("description", "correct the value"))


def _guess(location: tuple[str | int, ...], document: Document) -> str:
    """The known key that an unknown one was meant to be."""
    known, key = list(_documented(location[:-1], document).get("properties", {})), str(location[-1])
    near = difflib.get_close_matches(key, known, 1) or [name for name in known if name[:3] == key[:3]]
    return f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"


def _documented(location: tuple[str | int, ...], document: Document) -> Document:
    """What the JSON Schema of the recipe says about a place in it, or about the last key on the way there."""
    node = document
    for step in location:
        word = "items" if isinstance(step, int) else "properties"
        inside = next((choice for choice in _choices(node, document) if word in choice or _entries(choice)), {})
        found = inside.get(word) if isinstance(step, int) else inside.get(word, {}).get(step) or _entries(inside)
        if not found:
            break
        node = found
    said = {word: node[word] for word in ("description", "examples") if word in node}
    return next(iter(_choices(node, document))) | said


def _choices(node: Document, document: Document) -> Iterator[Document]:
    """A schema, or what it refers to, or the alternatives that it gives."""
    if "$ref" in node:
        yield document["$defs"][node["$ref"].rsplit("/", 1)[1]]
    elif "anyOf" in node:
        for choice in node["anyOf"]:
            yield from _choices(choice, document)
    else:
        yield node


def _entries(node: Document) -> Any:
    """The schema of the entries of a table whose keys are free."""
    free = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return next((entry for entry in free if isinstance(entry, dict)), None)

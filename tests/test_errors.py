"""Every failure this package raises on purpose."""

from __future__ import annotations

import copy
import pickle
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.words import errors
from parquetry.words.errors import BIDI, InputError, ParquetryError, Problem, RecipeError, printable

#: The tree of the docstring: the class, its exit code and what it stands for.
TREE = re.findall(r"^[├└]── (\w+) +(\d)  (.+)$", errors.__doc__ or "", re.MULTILINE)
CLASSES = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}


def test_every_class_stands_on_the_tree_with_its_exit_code() -> None:
    assert {name: int(code) for name, code, _ in TREE} == {
        name: kind.exit_code for name, kind in CLASSES.items() if kind is not ParquetryError
    }


@pytest.mark.parametrize("name", [name for name, _, _ in TREE])
def test_every_class_says_what_it_stands_for_and_is_a_child_of_the_root(name: str) -> None:
    assert CLASSES[name].__doc__
    assert CLASSES[name].__bases__ == (ParquetryError,)


def test_the_root_has_the_exit_code_that_nobody_may_see() -> None:
    assert ParquetryError.exit_code == 1


@pytest.mark.parametrize("kind", CLASSES.values())
def test_an_error_survives_pickling(kind: type[ParquetryError]) -> None:
    error = kind(Problem("A_CODE", "a.jsonl:17", "is wrong", "correct it"), Problem("B_CODE", "b.jsonl:1", "is odd"))
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is kind
        assert other.problems == error.problems
        assert str(other) == str(error)


def test_an_error_says_what_where_and_how_to_fix_it() -> None:
    error = RecipeError(
        Problem("RECIPE_UNKNOWN_KEY", "recipe.toml: files.rowz", "unknown key", "did you mean 'row_group_bytes'?"),
        Problem("RECIPE_VALUE", "recipe.toml: dataset.doi", "is no DOI"),
    )
    assert str(error) == (
        "error[RECIPE_UNKNOWN_KEY] recipe.toml: files.rowz: unknown key\n"
        "  fix: did you mean 'row_group_bytes'?\n"
        "error[RECIPE_VALUE] recipe.toml: dataset.doi: is no DOI"
    )


def test_a_warning_has_the_same_form() -> None:
    problem = Problem("WARN_SPLIT_EMPTY", "notes/test", "has no rows", "lower the ratio")
    assert problem.text("warning") == "warning[WARN_SPLIT_EMPTY] notes/test: has no rows\n  fix: lower the ratio"


def test_what_a_terminal_would_act_on_is_escaped_in_every_part() -> None:
    error = InputError(Problem("JSON_SYNTAX", "a\x1b[2J.jsonl:1", "found '\u202etxt\r\n'", "remove\x07 it"))
    assert str(error) == ("error[JSON_SYNTAX] a\\x1b[2J.jsonl:1: found '\\u202etxt\\x0d\\x0a'\n  fix: remove\\x07 it")


@given(st.text(st.characters()))
def test_printable_text_has_no_control_no_bidi_and_no_half_pair(text: str) -> None:
    shown = printable(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") or c in BIDI]
    shown.encode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf"]), max_size=80))
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_all_bidirectional_controls_are_known() -> None:
    """By the property Bidi_Control of Unicode: the marks and the embedding, override and isolate controls."""
    controls = {chr(c) for c in range(0x110000) if unicodedata.bidirectional(chr(c)) in "LRE RLE LRO RLO PDF".split()}
    controls |= {chr(c) for c in range(0x110000) if unicodedata.bidirectional(chr(c)) in "LRI RLI FSI PDI".split()}
    assert controls | {"\u200e", "\u200f", "\u061c"} == BIDI


def test_long_text_is_cut() -> None:
    assert printable("x" * 500) == "x" * 500
    assert printable("x" * 501) == "x" * 500 + "…"
    assert printable("abcdef", 3) == "abc…"

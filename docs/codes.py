"""The code that raises -> the table of all messages, by what is wrong.

Each call that makes a message is found in the syntax trees of the package: its code, what it says and what it advises,
with `…` for what is known only when it happens. What a tree cannot tell stands in `SAID`.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parquetry.files.advice import FIX, FIXES, SYNTAX
from parquetry.papers.markdown import code as coded
from parquetry.papers.markdown import escape, table
from parquetry.words import errors

ROOT = Path(__file__).resolve().parent.parent
#: What makes a message, and at which places its arguments tell what is wrong and what to do.
MAKERS = {"Problem": (2, 3), "NotJson": (1, 9), "Unreadable": (1, 9), "Verdict": (2, 9), "_problem": (9, 9)}
MAKERS |= {"wrong": (1, 2), "refuse": (2, 3), "warn": (2, 3), "say": (2, 3)}
#: The errors that messages are raised with.
ERRORS: dict[str | None, type[errors.ParquetryError]] = {
    kind.__name__: kind for kind in errors.ParquetryError.__subclasses__()
}
#: What makes the reason why a row is removed.
ROWS = ("NotJson", "Unreadable", "Verdict")
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
#: Codes of one word that stand in tables.
LONE = ("DUPLICATE", "CONTAMINATED", "PERMISSION")
#: Constants that look like codes, and are names of the environment.
NO_CODES = re.compile("HF_HUB_.*|ENCODING_UTF")
#: The exit code of messages that a function hands on to the one that raises, by module; else by the room.
EXITS = {"reader.verify": 5, "reader.rows": 5, "reader.torn": 5, "reader.claims": 5, "papers.card": 2, "papers": 5}
EXITS |= {"papers.sections": 2, "words": 2, "sources": 3, "columnar": 3, "record": 3, "corpus": 3, "files": 3}
EXITS |= {"start": 2, "gates": 7, "remote": 6, "reader": 5, "sources.partitions": 2, "record.held_out": 2}
EXITS |= {"reader.history": 2, "reader.new_command": 2, "start.draft": 3, "start.found": 3, "start.untyped": 3}
EXITS |= {"corpus.split": 2, "reader.publish": 7, "files.paths": 5}
#: What the syntax trees do not tell: what is wrong, and what to do.
_DISK = "run this again; a release is whole or not there, never half"
SAID = {
    "CARD_LICENSE": ("unknown licence id …", "did you mean …? or choose from the list of the Hub"),
    "CARD_UNQUOTED": ("… is one number in YAML 1.1 and another in YAML 1.2", "write it in quotes"),
    "CARD_DIFFERS": ("the region … does not say what the files hold, or is missing", "build it again"),
    "CONTAMINATED": ("overlaps a held-out text", "nothing: the recipe asks for it"),
    "CROISSANT_JSON": ("is not strict JSON: …", "write an object of strict JSON"),
    "CSV_QUOTE": ("a quote stands where none can", "quote the whole cell, and write a quote inside of it twice"),
    "DISK_FULL": ("no space left on device", f"make room, then {_DISK}"),
    "DISK_IO": ("what the system says, such as: input/output error", f"see to this path or its disk, then {_DISK}"),
    "DISK_QUOTA": ("disk quota exceeded", f"make room, then {_DISK}"),
    "DISK_READONLY": ("read-only file system", f"write elsewhere, then {_DISK}"),
    "DRAFT_TYPES": ("the values of a property have types that no column holds together", ""),
    "DUPLICATE": ("repeats a row that stays", "nothing: the recipe asks for it"),
    "HELD_OUT_TEXT": ("no record that is held out has a text in …", "name the property that holds it"),
    "HUB_REFUSED": ("what the Hub answers", "correct what it names, then run this again"),
    "HUB_RETRY": ("what the Hub or the connection answers", "run this again: it goes on where it ended"),
    "NEAR_DUPLICATE": ("is nearly a row that stays", "nothing: the recipe asks for it"),
    "PERMISSION": ("permission denied", f"correct the permissions of this path, then {_DISK}"),
    "PREVIOUS_MISSING": ("the version before cannot be read: …", ""),
    "RECIPE_UNKNOWN_KEY": ("unknown key", "did you mean …? or choose from …"),
    "REFUSED": ("nothing was released; all removed rows are in …", "see the messages before it"),
    "RIGHTS_LICENSE_UNKNOWN": ("unknown licence id …", "did you mean …? or write other"),
    "SCHEMA_DIFFERS": (
        "is not the schema that the rows were checked by, or has other columns than …",
        "build it again",
    ),
    "SCHEMA_DUPLICATE_KEY": ("key … stands twice", "keep one of them"),
    "SCHEMA_ENUM": ("… is not one of …", ""),
    "SCHEMA_LENGTH": ("a text is too short or too long, or a list, or its elements are not unique", ""),
    "SCHEMA_PATTERN": ("… does not match pattern …; in a schema: … is not an ECMA-262 regular expression", ""),
    "SCHEMA_RANGE": ("a number is too small or too large, or no multiple of …", ""),
    "SCHEMA_REQUIRED": ("the member … is missing or null", ""),
    "SCHEMA_RULE": ("breaks another keyword of the schema, which is named", ""),
    "SCHEMA_SYNTAX": ("not JSON: …", "correct the file"),
    "SPLIT_FRACTION": ("a share is not between 0 and 1: …", "write shares that sum to 1"),
    "USAGE": ("an option or an argument that is not known, is missing, or goes with no other", "see --help"),
    "XLSX_ERROR": ("cell … holds the error …", "correct the formula, or clear the cell"),
}
#: Where tables of codes stand, and how a message of them ends; elsewhere a constant is no message.
TABLES = {"record.judge": "row is removed", "corpus.dedup": "row is removed", "sources.separated": "row is removed"}
TABLES |= {"sources.workbook": "row is removed", "reader.cli": "4", "columnar.batches": "3", "words.schema": "2"}
TABLES |= {"papers.conformance": "5", "papers.record_sets": "5"}
#: The module whose warnings are errors when a release is published.
RIGHTS = "words.licenses"
#: The groups, and the beginnings of their codes; the first that fits takes a code.
GROUPS = {
    "The command and the recipe": "USAGE RECIPE_ DIR_ PATH_ SOURCE_ TABLE_ REFUSED PREVIOUS_ TRACE_ WARN_VERSION",
    "The schema, and rows that it refuses": "SCHEMA_ WARN_SCHEMA_ FIELD_NAME DRAFT_ ID_ REFERENCE_",
    "JSON and text": "JSON_ FIELD_ UNICODE_ UTF8_ ENCODING_ LINE_ INPUT_ MAP_",
    "CSV and workbooks": "CSV_ XLSX_",
    "Parquet and Arrow": "PQ_ ARROW_",
    "Compression": "COMPRESSION_ DECOMPRESSION_",
    "Documents": "DOC_",
    "Duplicates, splits and held-out texts": "SPLIT_ WARN_SPLIT_ DUPLICATE NEAR_ CLUSTER_ CONTAMINATED HELD_ WARN_CONT",
    "The card": "CARD_ WARN_CARD_",
    "Croissant": "CROISSANT_ WARN_CROISSANT_",
    "Rights and secrets": "RIGHTS_ WARN_RIGHTS_ LICENSE_ WARN_LICENSE_ SECRET_ PERSONAL_",
    "Rows that are withdrawn": "REMOVALS_ WARN_REMOVAL_",
    "A release that is checked": "MORE_ FILE_ MANIFEST_ COUNTS_ CONTENT_ DIGEST_ VERIFY_ OUTPUT_ DRIFT",
    "Publishing and fetching": "HUB_ PUBLISH_ RELEASE_ REMOTE_ VERSION_ ENDPOINT_ TARGET",
    "The machine": "DISK_ MEMORY PERMISSION LOCKED",
}


@dataclass
class Entry:
    """What is known about a code."""

    ends: set[str] = field(default_factory=set)  #: Exit codes, `row is removed`, or `warning`.
    says: dict[str, None] = field(default_factory=dict)
    fixes: dict[str, None] = field(default_factory=dict)
    modules: dict[str, None] = field(default_factory=dict)


def page() -> str:
    """A table for each group of codes."""
    entries, parts = catalogue(), list[str]()
    for title in GROUPS:
        mine = sorted(code for code in entries if group_of(code) == title)
        rows = [_row(code, entries[code]) for code in mine]
        parts.append(f"### {title}\n\n" + table(["code", "ends in", "says", "what to do", "raised by"], rows))
    return "\n\n".join(parts)


def group_of(code: str) -> str:
    """The title that a code stands under."""
    return next(title for title, starts in GROUPS.items() if code.startswith(tuple(starts.split())))


def _row(code: str, entry: Entry) -> list[str]:
    said = SAID.get(code, ("", ""))
    says = [said[0]] if said[0] else [one for one in entry.says if one.strip(" …:")]
    fixes = [said[1]] if said[1] else [one for one in entry.fixes if one.strip(" …:")]
    if not said[1] and "row is removed" in entry.ends:
        fixes += SYNTAX.values() if code == "JSON_SYNTAX" else [FIXES.get(code, FIX)]
    cells = ["<br>".join(escape(re.sub("…+", "…", " ".join(one.split()))) for one in some) for some in (says, fixes)]
    modules = ", ".join(coded(module) for module in sorted(entry.modules))
    return [coded(code), ", ".join(sorted(entry.ends)), *cells, modules]


def catalogue() -> dict[str, Entry]:
    """All codes, with what is known about them."""
    found: dict[str, Entry] = {}
    paths = [*sorted((ROOT / "src/parquetry").rglob("*.py")), ROOT / "build_dataset.py"]
    for path in paths:
        module = Module(path)
        for code, end, says, fixes in module.messages():
            entry = found.setdefault(code, Entry())
            entry.ends.add(end)
            entry.modules[module.name] = None
            entry.says |= dict.fromkeys(says)
            entry.fixes |= dict.fromkeys(fixes)
    for code in [code for code, entry in found.items() if RIGHTS in entry.modules]:
        mine = found[code]
        found[code.removeprefix("WARN_")] = Entry({"7"}, mine.says, mine.fixes, {"reader.publish": None})
    return dict(sorted(found.items()))


class Module:
    """The syntax tree of a module, each node with the one that it stands in."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(ROOT).with_suffix("").as_posix().removeprefix("src/parquetry/").replace("/", ".")
        self.tree = ast.parse(path.read_text("utf-8"))
        self.above = {inner: node for node in ast.walk(self.tree) for inner in ast.iter_child_nodes(node)}

    def messages(self) -> Iterator[tuple[str, str, list[str], list[str]]]:
        """Code, end, what is said and what is advised, of each message that is made here."""
        told = set[str]()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and (maker := _name(node.func)) in MAKERS and node.args:
                what, fix = MAKERS[maker]
                for code in self.codes(node.args[0], node):
                    told.add(code)
                    yield code, self.end(code, node, maker), self.argument(node, what), self.argument(node, fix)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and (code := self.loose(node)) and code not in told:
                told.add(code)
                yield code, "warning" if code.startswith("WARN_") else TABLES[self.name], [], []

    def loose(self, node: ast.Constant) -> str:
        """The code that a constant is which stands in a table of codes, and not in a call."""
        above = self.above[node]
        if not isinstance(node.value, str) or isinstance(above, ast.Compare) or self.name not in TABLES:
            return ""
        if (isinstance(above, ast.Dict) and node in above.keys) or isinstance(above, ast.Subscript):
            return ""
        return node.value if node.value in LONE or _is_code(node.value) else ""

    def codes(self, node: ast.expr, place: ast.AST) -> list[str]:
        """The codes that an expression may be."""
        said = set(self.texts(node, place))
        if isinstance(node, ast.JoinedStr) and said == {"ENCODING_UTF…"}:
            return ["ENCODING_UTF16", "ENCODING_UTF32"]
        return sorted(text for text in said if _is_code(text) or (re.fullmatch("[A-Z]{5,}", text)))

    def end(self, code: str, node: ast.AST, maker: str) -> str:
        """How it ends: `warning`, `row is removed`, or an exit code."""
        if code.startswith("WARN_"):
            return "warning"
        if maker in ROWS and self.name not in ("papers.graph",):
            return "row is removed"
        while node in self.above:
            if isinstance(node, ast.Call) and _name(node.func) in ERRORS:
                return str(ERRORS[_name(node.func)].exit_code)
            if isinstance(node, ast.FunctionDef) and (raised := self.raised(node)):
                return raised
            node = self.above[node]
        room = self.name.split(".")[0]
        return str(EXITS.get(self.name, EXITS.get(room, 3)))

    def raised(self, function: ast.FunctionDef) -> str:
        """The one exit code of what a function raises itself."""
        names = {_name(one.exc.func) for one in ast.walk(function) if isinstance(one, ast.Raise)
                 and isinstance(one.exc, ast.Call)}  # fmt: skip
        kinds = [ERRORS[name] for name in names if name in ERRORS]
        return str(kinds[0].exit_code) if len(kinds) == 1 else ""

    def argument(self, call: ast.Call, place: int) -> list[str]:
        """What an argument of a call may say."""
        return self.texts(call.args[place], call) if place < len(call.args) else []

    def texts(self, node: ast.expr, place: ast.AST, depth: int = 0) -> list[str]:
        """What an expression may say, at a place in the code."""
        if depth > 6:
            return ["…"]
        if isinstance(node, ast.Constant):
            return [node.value if isinstance(node.value, str) else "…"]
        if isinstance(node, ast.IfExp):
            return self.texts(node.body, place, depth + 1) + self.texts(node.orelse, place, depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self.joined([node.left, node.right], place, depth)
        if isinstance(node, ast.JoinedStr):
            return self.joined(node.values, place, depth)
        if isinstance(node, ast.FormattedValue):
            known = isinstance(node.value, ast.IfExp | ast.Name) and node.conversion == -1
            return self.texts(node.value, place, depth + 1) if known else ["…"]
        if isinstance(node, ast.Name):
            return self.named(node.id, place, depth + 1)
        return ["…"]

    def joined(self, nodes: list[ast.expr], place: ast.AST, depth: int) -> list[str]:
        """What several expressions say together."""
        parts = [self.texts(node, place, depth + 1)[:3] for node in nodes]
        return ["".join(some) for some in itertools.islice(itertools.product(*parts), 3)]

    def named(self, name: str, place: ast.AST, depth: int) -> list[str]:
        """What a variable may say: what it was given last before the place, or in the module."""
        node = place
        while node in self.above and not isinstance(node, ast.FunctionDef):
            node = self.above[node]
        for scope in (node, self.tree):
            given = [
                value
                for one in ast.walk(scope)
                if isinstance(one, ast.Assign) and one.lineno <= place.lineno  # type: ignore[attr-defined]
                for target in one.targets
                for value in _given(target, one.value, name)
            ]
            given += [one for one in ast.walk(scope) if isinstance(one, ast.NamedExpr) and one.target.id == name]
            if given:
                last = max(given, key=lambda value: value.lineno)
                return self.texts(last, last, depth)
            if any(arg.arg == name for one in ast.walk(scope) if isinstance(one, ast.arguments) for arg in one.args):
                return ["…"]
        return ["…"]


def _given(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    """The value that an assignment gives to a name."""
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, part in zip(target.elts, value.elts, strict=False):
            yield from _given(one, part, name)


def _name(node: ast.expr) -> str | None:
    """The last name of what is called."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None


def _is_code(text: str) -> bool:
    return bool(CODE.fullmatch(text) and not NO_CODES.fullmatch(text))

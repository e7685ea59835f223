"""What a release says of duplicates, of leaks between its splits, and of texts that are held out -> Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from parquetry.files.manifest import Decontamination, DuplicateRules, Example, Leakage, TableFacts
from parquetry.papers.markdown import code, escape, table


def leakage(tables: Mapping[str, TableFacts]) -> str:
    """What was looked for in the tables and found, and the first rows of each kind."""
    looked = [(name, known, known.leakage) for name, known in tables.items() if known.leakage]
    if not looked:
        return "It was not looked for."
    header = ["table", "judged by", "duplicates", "clusters", "largest", "same text", "near-duplicates", "groups"]
    head = "In two splits at once: the last three columns. A cluster is what must stay in one split."
    parts = [head, table(header, [_row(*one) for one in looked], "lllrrrrr")]
    for name, known, found in looked:
        if found.recall and known.duplicates:
            parts.append(f"{code(name)}: {_searched(found, found.recall, known.duplicates)}")
        if known.decontamination:
            parts.append(f"{code(name)}: {_held_out(known.decontamination)}")
            files = [[code(file.path), file.texts, code(file.sha256[:16])] for file in known.decontamination.files]
            parts.append(table(["held-out file", "texts", "SHA-256 (start)"], files, "lrl"))
    shown = [[code(name), code(one.id), said] for name, known, found in looked for one, said in _told(known, found)]
    return "\n\n".join([*parts, table(["table", "row, for example", "what became of it"], shown)] if shown else parts)


def _row(name: str, known: TableFacts, found: Leakage) -> list[object]:
    judged = ", ".join(code(column) for column in known.text) or "whole records"
    done = _done(known.duplicates, known.split_method) if known.duplicates else "–"
    near = "not searched" if found.near_pairs is None else found.near_pairs
    groups = found.groups if known.group_by else "–"
    return [code(name), judged, done, found.clusters, found.largest_cluster, found.exact_pairs, near, groups]


def _done(rules: DuplicateRules, method: str) -> str:
    """What was done about duplicates, in words; splits that others made are kept, and searched."""
    words = {"drop": "dropped", "group": "kept in one split", "keep": "kept", "off": "not searched"}
    near = "searched" if rules.near == "group" and method != "ratios" else words[rules.near]
    return f"exact {words[rules.exact]}, near {near}"


def _searched(found: Leakage, recall: tuple[int, int], rules: DuplicateRules) -> str:
    """How the search for near-duplicates went, and what it finds of pairs that are known."""
    said = (
        f"Pairs that were compared: {found.compared_pairs:,}, near-duplicates among them (Jaccard index of token "
        f"5-grams ≥ {rules.threshold:g}): {found.found_pairs:,}; what is connected already is not compared again. "
        f"Of {recall[0]:,} pairs made from its texts to lie at that threshold, the search finds {recall[1]:,}."
    )
    if not found.skipped_pairs:
        return said
    more = "candidates in groups of very many similar texts were not compared: near-duplicates may be missed there."
    return f"{said} {found.skipped_pairs:,} {more}"


def _held_out(found: Decontamination) -> str:
    """How many rows overlap what is held out, and what became of them."""
    texts = sum(file.texts for file in found.files)
    became = "dropped" if found.action == "drop" else "published nevertheless"
    return (
        f"Texts that are held out: {texts:,}. A row overlaps one if {found.tokens} tokens in a row are in both, or if "
        f"they are near-duplicates (Jaccard index of token 5-grams ≥ {found.threshold:g}). "
        f"Rows that overlap: {found.rows:,}{f' ({became})' if found.rows else ''}."
    )


def _told(known: TableFacts, found: Leakage) -> Iterator[tuple[Example, str]]:
    """The examples of a table, each with what became of it, in words."""
    stays = known.decontamination and known.decontamination.action == "report"
    for one in found.examples:
        other = code(one.other)
        said = {
            "DUPLICATE": f"dropped: it repeats {other}",
            "NEAR_DUPLICATE": f"dropped: it is nearly the text of {other}",
            "SPLIT_LEAK": f"published, as is {other}, which is alike, in another split",
            "CONTAMINATED": f"{'published' if stays else 'dropped'}: it {escape(one.other)}",
        }
        yield one, said[one.what]

"""Texts -> how many of them hold personal data that has a form: addresses for mail, telephone and the net, and numbers
of cards, accounts and insured persons.

It is counted, not judged, and names are not looked for: a text without any of these may still be about a person. What
has a form is found by RE2, in time that grows with the text alone; what has check digits is checked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

#: Digits of telephone numbers, and of numbers of cards.
_PHONE, _CARD = range(9, 16), range(13, 20)


class Kind(NamedTuple):
    """One kind of personal data."""

    said: str  #: In words, for people.
    pattern: str  #: For RE2 and for Python alike.
    sure: Callable[[str], bool] = lambda _: True  #: Whether what has the form is one.


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)


def _is_card(text: str) -> bool:
    """Luhn's check digit (ISO/IEC 7812-1), and not one digit over and over."""
    digits = [int(digit) for digit in reversed(_digits(text))]
    doubled = [sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(digits)]
    return len(digits) in _CARD and len(set(digits)) > 2 and sum(doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    """The check digits of ISO 13616."""
    plain = text.replace(" ", "").upper()
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _is_insured(text: str) -> bool:
    """A social security number of the USA that may have been given out."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def _is_address(text: str) -> bool:
    """An address of the internet that can lead to somebody."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


KINDS: dict[str, Kind] = {
    "email": Kind("e-mail addresses", r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"),
    "phone": Kind(
        "telephone numbers",
        r"\+[0-9]{1,3}(?:[ .\-/]?\(?[0-9]{1,5}\)?){2,6}|\([0-9]{2,5}\)(?:[ .\-/]?[0-9]{2,5}){2,4}"
        r"|\b[0-9]{3}[ .\-][0-9]{3}[ .\-][0-9]{4}\b|\b0[0-9]{1,4}(?:[ .\-/][0-9]{2,4}){2,4}\b",
        lambda text: len(_digits(text)) in _PHONE,
    ),
    "card": Kind("payment card numbers", r"\b[2-6][0-9]{3}(?:[ \-]?[0-9]){9,15}\b", _is_card),
    "iban": Kind("bank account numbers (IBAN)", r"\b[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}\b", _is_iban),
    "ssn": Kind("social security numbers of the USA", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", _is_insured),
    "ip": Kind(
        "addresses of the internet (IP)",
        r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b",
        _is_address,
    ),
    "home": Kind("home folders of persons", r"/(?:home|Users)/[A-Za-z][A-Za-z0-9._-]{1,40}/"),
}
_COMPILED = {name: re.compile(kind.pattern, re.ASCII) for name, kind in KINDS.items()}
#: What a text has that holds any of them: an @, or digits that nothing but marks part.
_ANY = r"@|[0-9](?:[ .:\-/()]{0,2}[0-9A-Za-z]){6}|[0-9](?:\.[0-9]{1,3}){3}|/home/|/Users/"


def personal(texts: pa.Array) -> dict[str, int]:
    """How many texts of a column hold each kind, of those that are found.

    Args:
        texts: A column of texts, without nulls.
    """
    likely = texts.filter(pc.match_substring_regex(texts, _ANY))
    found = dict[str, int]()
    for name, kind in KINDS.items() if len(likely) else ():
        same = likely.filter(pc.match_substring_regex(likely, kind.pattern))
        count = sum(any(True for _ in _sure(name, text)) for text in same.to_pylist())
        found |= {name: count} if count else {}
    return found


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Where a text holds which kind: its name, start and end."""
    for name in KINDS:
        for match in _sure(name, text):
            yield name, match.start(), match.end()


def _sure(name: str, text: str) -> Iterator[re.Match[str]]:
    return (match for match in _COMPILED[name].finditer(text) if KINDS[name].sure(match[0]))

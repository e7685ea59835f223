"""The linter of cards: each rule has an example on either side, and it agrees with the readers that a card is for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RELEASE, ROOT, SHARED, Project
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from test_card import matter
from test_corpora import CASES, read_built
from test_corpora import project as recipe_for

from parquetry.papers import card
from parquetry.papers.lint import errors, lint
from parquetry.words import hub
from parquetry.words.errors import Problem, VerificationError, is_warning

CARDS = SHARED / "corpora/hf-dataset-cards"


def told(text: str) -> str:
    """All that is said of a card."""
    return "\n".join(one.text("warning" if is_warning(one) else "error") for one in lint(text, "README.md"))


def block(front: str) -> str:
    return f"---\n{front}\n---\n\n# A card\n"


NONE = "there is no front matter: the Hub knows neither licence nor language"
BEGIN = "begin the card with a block of YAML between two lines ---"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", f"warning[WARN_CARD_FRONT_MATTER] README.md:1: {NONE}\n  fix: {BEGIN}"),
        ("# A card\n", f"warning[WARN_CARD_FRONT_MATTER] README.md:1: {NONE}\n  fix: {BEGIN}"),
        ("# A card\n---\nlicense: mit\n---\n", f"warning[WARN_CARD_FRONT_MATTER] README.md:1: {NONE}\n  fix: {BEGIN}"),
        (
            "---\nlicense: mit\n",
            "error[CARD_FRONT_MATTER] README.md:1: the front matter has no end\n"
            "  fix: write --- alone on the line before the first key and on the line after the last value",
        ),
        (
            "\ufeff---\nlicense: MIT\n---\n",
            "error[CARD_FRONT_MATTER] README.md:1: a byte order mark stands before the front matter, "
            "so that `huggingface_hub` finds none\n  fix: save the file as UTF-8 without it\n"
            "error[CARD_LICENSE] README.md:2: unknown licence id 'MIT'\n  fix: did you mean 'mit'?",
        ),
        (
            block("- mit"),
            "error[CARD_FRONT_MATTER] README.md:2: the front matter is a list, not a mapping of keys to values\n"
            "  fix: write a key and a colon before each value",
        ),
        (
            block("a: " + "x" * 199_998),
            "error[CARD_FRONT_MATTER] README.md:2: the front matter has 200,001 characters; at most 200,000 are read\n"
            "  fix: shorten it",
        ),
        (
            block("# nothing"),
            "warning[WARN_CARD_FRONT_MATTER] README.md:2: the front matter is empty\n"
            "  fix: say licence and language in it",
        ),
    ],
)
def test_a_card_has_front_matter(text: str, said: str) -> None:
    assert told(text) == said


@pytest.mark.parametrize("text", ["---\r\nlicense: mit\r\n---\r\n", "\n\n---\nlicense: mit\n---  \n", "---\na:\n---"])
def test_front_matter_is_found_where_the_hub_finds_it(text: str) -> None:
    assert [one.code for one in lint(text, "x")] == (["WARN_CARD_KEY"] if "a:" in text else [])
    assert DatasetCard(text).data.to_dict().keys() <= {"license", "a"}


#: Front matter that is right, the same with a mistake, and what is said about that.
RULES: list[tuple[str, str, str]] = [
    # YAML
    (
        "license: [mit]",
        "license: [mit",
        "error[CARD_YAML] README.md:2: this is not YAML: expected ',' or ']', but got '<stream end>'",
    ),
    (
        'pretty_name: "Data: all"',
        "pretty_name: Data: all",
        "error[CARD_YAML] README.md:2: this is not YAML: mapping values are not allowed here\n"
        "  fix: put the value in double quotes",
    ),
    (
        'pretty_name: "\\a"',
        "license: mit\npretty_name: \a",
        "error[CARD_YAML] README.md:3: the character U+0007 may not stand in YAML\n"
        "  fix: remove it, or write it as an escape in double quotes",
    ),
    (
        'pretty_name: "\\U0001F600"',
        'pretty_name: "\\UFFFFFFFF"',
        "error[CARD_YAML] README.md:2: this is not YAML: an escape stands for no character of Unicode",
    ),
    (
        "train-eval-index: " + "[" * 50 + "]" * 50,
        "train-eval-index: " + "[" * 3000 + "]" * 3000,
        "error[CARD_YAML] README.md:2: lists and mappings stand more than 100 deep in each other\n  fix: flatten them",
    ),
    (
        "extra_gated_fields:\n  Name: text",
        "extra_gated_fields:\n  [Name]: text",
        "error[CARD_YAML] README.md:3: a list or a mapping stands as a key\n  fix: write text before the colon",
    ),
    (
        "tags:\n  - a\n  - b\nlicense: mit",
        "tags:\n\t- a\n\t- b\nlicence: mit",
        "error[CARD_TAB] README.md:3: a tab indents this line\n  fix: indent it with spaces\n"
        "error[CARD_TAB] README.md:4: a tab indents this line\n  fix: indent it with spaces\n"
        "warning[WARN_CARD_KEY] README.md:5: the Hub does not know the key 'licence'\n  fix: did you mean 'license'?",
    ),
    ("license: mit", "license:\tmit", "error[CARD_TAB] README.md:2: a tab stands before a value\n  fix: write spaces"),
    (
        "license: mit\nextra_gated_fields:\n  A: text",
        "license: mit\nlicense: mit\nextra_gated_fields:\n  A: text\n  A: text",
        "error[CARD_KEY_TWICE] README.md:3: the key 'license' stands twice\n"
        "  fix: keep one of them: some readers take the last, others refuse the card\n"
        "error[CARD_KEY_TWICE] README.md:6: the key 'A' stands twice\n"
        "  fix: keep one of them: some readers take the last, others refuse the card",
    ),
    (
        "pretty_name: !!str 3",
        "pretty_name: !name x",
        "error[CARD_TAG] README.md:2: not all readers know the tag '!name'\n  fix: leave the tag out",
    ),
    (
        "license: mit\ntags: [mit]",
        "license: &it mit\ntags: [*it]",
        "warning[WARN_CARD_ALIAS] README.md:3: *it is an alias: not every reader follows one, "
        "and nothing behind it was looked at\n"
        "  fix: write the value out",
    ),
    # values of two meanings
    (
        'language: "no"',
        "language: no",
        "error[CARD_UNQUOTED] README.md:2: no is true or false in YAML 1.1 and text in YAML 1.2\n"
        '  fix: write "no" if it is text, false if it is not',
    ),
    (
        "viewer: true",
        "viewer: on",
        "error[CARD_UNQUOTED] README.md:2: on is true or false in YAML 1.1 and text in YAML 1.2\n"
        '  fix: write "on" if it is text, true if it is not',
    ),
    *[
        (
            f'pretty_name: "{text}"',
            f"pretty_name: {text}",
            f'error[CARD_UNQUOTED] README.md:2: {text} {what}\n  fix: write "{text}"{more}',
        )
        for text, what, more in [
            (
                "0o17",
                "is text in YAML 1.1 and a whole number in YAML 1.2",
                " if it is text, plain digits if it is a number",
            ),
            ("1e3", "is text in YAML 1.1 and a number in YAML 1.2", " if it is text, plain digits if it is a number"),
            (
                "1:30",
                "is a whole number in YAML 1.1 and text in YAML 1.2",
                " if it is text, plain digits if it is a number",
            ),
            (
                "1_000",
                "is a whole number in YAML 1.1 and text in YAML 1.2",
                " if it is text, plain digits if it is a number",
            ),
            (
                "010",
                "is one number in YAML 1.1 and another in YAML 1.2",
                " if it is text, plain digits if it is a number",
            ),
            ("2026-11-22", "is a day or an instant in YAML 1.1 and text in YAML 1.2", ""),
            ("=", "is a sign that means nothing in YAML 1.1 and text in YAML 1.2", ""),
        ]
    ],
    # keys and types
    (
        "license: mit",
        "licenses: mit\nquestion: 1",
        "warning[WARN_CARD_KEY] README.md:2: the Hub does not know the key 'licenses'\n  fix: did you mean 'license'?\n"
        "warning[WARN_CARD_KEY] README.md:3: the Hub does not know the key 'question'\n"
        "  fix: leave it out, unless a program of yours reads it",
    ),
    (
        'pretty_name: "3"',
        "pretty_name: 3",
        'error[CARD_TYPE] README.md:2: pretty_name is 3, a whole number, not text\n  fix: write "3"',
    ),
    (
        "pretty_name: a",
        "pretty_name: [a]",
        "error[CARD_TYPE] README.md:2: pretty_name is a list, not text\n  fix: write text",
    ),
    (
        "pretty_name: null",
        "pretty_name: true",
        'error[CARD_TYPE] README.md:2: pretty_name is true, true or false, not text\n  fix: write "true"',
    ),
    (
        "tags: [a]",
        "tags: a",
        'error[CARD_TYPE] README.md:2: tags is "a", text, not a list of texts\n  fix: write an item for each, with -',
    ),
    (
        "language: en",
        "language: {a: en}",
        "error[CARD_TYPE] README.md:2: language is a mapping, not a list of texts\n"
        "  fix: write an item for each, with -",
    ),
    (
        "tags: [a]",
        "tags: [a, ~, 1.5]",
        "error[CARD_TYPE] README.md:2: tags is ~, nothing, not text\n"
        '  fix: write "~"\nerror[CARD_TYPE] README.md:2: tags is 1.5, a number, not text\n  fix: write "1.5"',
    ),
    (
        "viewer: false",
        'viewer: "false"',
        'error[CARD_TYPE] README.md:2: viewer is "false", text, not true or false\n  fix: write true or false',
    ),
    (
        "train-eval-index: []",
        "train-eval-index: x",
        "error[CARD_TYPE] README.md:2: train-eval-index is text, not a list\n  fix: write its items with -",
    ),
    # words
    (
        "license: cc-by-4.0",
        "license: CC-BY",
        "error[CARD_LICENSE] README.md:2: unknown licence id 'CC-BY'\n  fix: did you mean 'cc-by-4.0'?",
    ),
    (
        "license: [other]\nlicense_name: mine\nlicense_link: LICENSE",
        "license: [other]\nlicense_name: mine",
        "warning[WARN_CARD_LICENSE] README.md:2: the licence 'other' has no license_link\n"
        "  fix: write license_name: and a name, license_link: and LICENSE or an address",
    ),
    (
        "language: [en, ceb, code, multilingual]",
        "language: [EN]",
        "error[CARD_LANGUAGE] README.md:2: 'EN' is not the code of a language\n  fix: write en",
    ),
    (
        "language: zh\nlanguage_bcp47: zh-CN",
        "language: zh-CN",
        "error[CARD_LANGUAGE] README.md:2: 'zh-CN' is not the code of a language\n"
        "  fix: write zh, and zh-CN under language_bcp47",
    ),
    (
        "language: en",
        "language: english",
        "error[CARD_LANGUAGE] README.md:2: 'english' is not the code of a language\n"
        "  fix: write its code in ISO 639, such as en, or multilingual",
    ),
    (
        "language: ja",
        "language: jp",
        "warning[WARN_CARD_LANGUAGE] README.md:2: no language has the code 'jp' in ISO 639-1\n"
        "  fix: did you mean 'ja'?",
    ),
    (
        "size_categories: 10K<n<100K",
        "size_categories: 10k<n<100k",
        "warning[WARN_CARD_VALUE] README.md:2: the Hub does not know '10k<n<100k' as one of size_categories\n"
        "  fix: did you mean '10K<n<100K'?",
    ),
    (
        "task_categories: [text-classification]\ntask_ids: [topic-classification]",
        "task_categories: [Text Classification]\ntask_ids: [guessing]",
        "warning[WARN_CARD_VALUE] README.md:2: the Hub does not know 'Text Classification' as one of task_categories\n"
        "  fix: did you mean 'text-classification'?\n"
        "warning[WARN_CARD_VALUE] README.md:3: the Hub does not know 'guessing' as one of task_ids\n"
        "  fix: use a word of the Hub, or put it under tags",
    ),
    (
        "annotations_creators: no-annotation\nlanguage_creators: found\nmultilinguality: monolingual",
        "annotations_creators: experts\nlanguage_creators: no-annotation\nmultilinguality: monolingal",
        "warning[WARN_CARD_VALUE] README.md:2: the Hub does not know 'experts' as one of annotations_creators\n"
        "  fix: choose from no-annotation, crowdsourced, expert-generated, found, machine-generated, other\n"
        "warning[WARN_CARD_VALUE] README.md:3: the Hub does not know 'no-annotation' as one of language_creators\n"
        "  fix: choose from crowdsourced, expert-generated, found, machine-generated, other\n"
        "warning[WARN_CARD_VALUE] README.md:4: the Hub does not know 'monolingal' as one of multilinguality\n"
        "  fix: did you mean 'monolingual'?",
    ),
    (
        "source_datasets: [original, extended|wikipedia, laion/laion-2b]",
        "source_datasets: [our own work]",
        "warning[WARN_CARD_VALUE] README.md:2: 'our own work' is not the name of a dataset\n"
        "  fix: write original, extended, or the name of a dataset of the Hub",
    ),
    (
        "extra_gated_fields:\n  Name: text\n  Use: {type: select, options: [a, b]}",
        "extra_gated_fields:\n  Name: words\n  Use: select\n  Age: 3",
        "warning[WARN_CARD_VALUE] README.md:3: the Hub cannot ask for 'words'\n"
        "  fix: choose from text, checkbox, date_picker, country, select\n"
        'error[CARD_TYPE] README.md:4: "Use" has no list of options to select from\n'
        "  fix: write options: and a list below type: select\n"
        'error[CARD_TYPE] README.md:5: the kind of "Age" is 3, a whole number, not text\n  fix: write "3"',
    ),
    (
        "extra_gated_fields:\n- Name: text",
        "extra_gated_fields: Name",
        'error[CARD_TYPE] README.md:2: extra_gated_fields is "Name", text, not a mapping\n'
        "  fix: write a question and its kind on each line, such as Name: text",
    ),
]


def configs(*lines: str) -> str:
    return "\n".join(["configs:", *lines])


def info(*lines: str) -> str:
    return "\n".join(["dataset_info:", *(f"  {line}" for line in lines)])


def features(*lines: str) -> str:
    return info("features:", *lines)


FILES = "- config_name: a", "  data_files:"
#: The same for what `datasets` reads: it takes what is right, and refuses what is wrong.
LOADED: list[tuple[str, str, str]] = [
    (
        configs("- config_name: a", "  data_files: a.csv"),
        configs("- data_files: a.csv"),
        "error[CARD_CONFIG] README.md:3: a config has no config_name\n  fix: write config_name: and its name",
    ),
    (
        configs("- config_name: a", "- config_name: b"),
        configs("- a", "- b"),
        "error[CARD_CONFIG] README.md:3: configs is a list of names, as it was before 2023\n"
        "  fix: write - config_name: and its data_files for each, or call the key config_names",
    ),
    (
        configs("- config_name: a"),
        "configs: {config_name: a}",
        "error[CARD_TYPE] README.md:2: configs are a mapping, not a list\n"
        "  fix: write an item for each config: - config_name: default, and its data_files below",
    ),
    (
        configs("- config_name: a", "  default: true", "- config_name: b"),
        configs("- config_name: a", "  default: true", "- config_name: default"),
        "error[CARD_CONFIG] README.md:5: both 'a' and 'default' are default configs\n"
        "  fix: keep one default: true; a config that is called default is one without saying so",
    ),
    (
        configs("- config_name: a", "  default: true", "- config_name: b", "  default: false"),
        configs("- config_name: a", "  default: true", "- config_name: b", "  default: true"),
        "error[CARD_CONFIG] README.md:6: both 'a' and 'b' are default configs\n"
        "  fix: keep one default: true; a config that is called default is one without saying so",
    ),
    (
        configs(*FILES, "  - split: train", "    path: [a, b]"),
        configs(*FILES, "    train: a"),
        "error[CARD_CONFIG] README.md:5: data_files is a mapping, not a path or a list\n"
        "  fix: write a list: - split: train, and path: below it",
    ),
    (
        configs(*FILES, "  - a", "  - b"),
        configs(*FILES, "  - split: train", "    path: a", "  - b"),
        "error[CARD_CONFIG] README.md:7: a path stands among splits, and belongs to none\n"
        "  fix: write - split: and path: for each, or paths alone",
    ),
    (
        configs(*FILES, "  - {split: train, path: a}"),
        configs(*FILES, "  - {path: a}"),
        "error[CARD_CONFIG] README.md:5: a path has no split\n  fix: write split: beside it",
    ),
    (
        configs(*FILES, "  - {split: train, path: a}"),
        configs(*FILES, "  - {split: train}"),
        "error[CARD_CONFIG] README.md:5: a split has no path\n  fix: write path: beside it",
    ),
    (
        configs(*FILES, "  - {split: train, path: a}"),
        configs(*FILES, "  - {split: train, path: a, sep: x}"),
        "error[CARD_CONFIG] README.md:5: 'sep' stands beside split and path\n"
        "  fix: write split and path alone: `datasets` refuses a third key",
    ),
    (
        configs(*FILES, "  - {split: train, path: a}", "  - {split: test, path: a}"),
        configs(*FILES, "  - {split: train, path: a}", "  - {split: train, path: b}"),
        "error[CARD_CONFIG] README.md:6: the split 'train' stands twice in data_files\n"
        "  fix: write its paths as a list below one path:",
    ),
    (
        configs(*FILES, "  - {split: test.unseen_2024, path: a}"),
        configs(*FILES, "  - {split: my-split, path: a}"),
        "error[CARD_SPLIT] README.md:5: 'my-split' cannot be the name of a split\n"
        "  fix: use letters, digits and '_', and '.' between them",
    ),
    (
        configs(*FILES, "  - {split: train, path: a}"),
        configs(*FILES, "  - {split: 3, path: a}"),
        'error[CARD_TYPE] README.md:5: the name of a split is 3, a whole number, not text\n  fix: write "3"',
    ),
    (
        features("- {name: a, dtype: string}"),
        features("- {name: a, dtype: text}"),
        "error[CARD_FEATURE] README.md:4: `datasets` does not know the type 'text'\n  fix: did you mean 'string'?",
    ),
    (
        features("- {name: a, dtype: float32}"),
        features("- {name: a, dtype: flaot32}"),
        "error[CARD_FEATURE] README.md:4: `datasets` does not know the type 'flaot32'\n  fix: did you mean 'float32'?",
    ),
    (
        features("- {name: a, list: {dtype: string}}"),
        features("- {name: a, lists: string}"),
        "error[CARD_FEATURE] README.md:4: the feature 'a' has the unknown type 'lists'\n  fix: did you mean 'list'?",
    ),
    (
        features("- {name: a, list: string, length: 2}"),
        features("- {name: a, length: 2, list: string}"),
        "error[CARD_FEATURE] README.md:4: 'length' stands before 'list' in the feature 'a'\n"
        "  fix: `datasets` takes the first key for the type: move list before it",
    ),
    (
        features("- {name: a, dtype: string}"),
        features("- {dtype: string}"),
        "error[CARD_FEATURE] README.md:4: a feature has no name\n  fix: write name: and the name of the column",
    ),
    (
        features("- name: a", "  struct:", "  - {name: b, dtype: json}"),
        features("- name: a", "  struct:", "  - {name: b, dtype: jsn}"),
        "error[CARD_FEATURE] README.md:6: `datasets` does not know the type 'jsn'\n  fix: did you mean 'json'?",
    ),
    (
        features("- {name: a, dtype: string}"),
        features("- a"),
        "error[CARD_TYPE] README.md:4: a feature is text, not a mapping\n"
        "  fix: write - name: id, and below the name dtype: string",
    ),
    (
        features("- {name: a, dtype: {array2_d: {shape: [2, 2], dtype: int8}}}"),
        features("- {name: a, dtype: array2_d}"),
        "error[CARD_FEATURE] README.md:4: the type 'array2_d' cannot do without its shape\n"
        "  fix: write shape: below array2_d:",
    ),
    (
        features("- {name: a, dtype: {class_label: {names: {'0': x, '1': y}}}}"),
        features("- {name: a, dtype: {class_label: {names: {'0': x, '2': y}}}}"),
        "error[CARD_FEATURE] README.md:4: names go to 2, and there are 2 of them\n"
        "  fix: number the labels from 0 without gaps",
    ),
    (
        features("- {name: a, dtype: {class_label: {names: [x, y]}}}"),
        features("- {name: a, dtype: {class_label: {names: [x, x]}}}"),
        "error[CARD_FEATURE] README.md:4: two labels are 'x'\n  fix: give each a name of its own",
    ),
    (
        features("- {name: a, dtype: {class_label: {names: {'0': x}}}}"),
        features("- {name: a, dtype: {class_label: {names: {x: '0'}}}}"),
        "error[CARD_FEATURE] README.md:4: 'x' is not the number of a label\n"
        "  fix: write a list of the labels, or '0':, '1':, and so on before them",
    ),
    (
        info("splits:", "- {name: train, num_bytes: 1, num_examples: 2}"),
        info("splits:", "- train"),
        "error[CARD_TYPE] README.md:4: a split is text, not a mapping\n"
        "  fix: write - name:, num_bytes: and num_examples:",
    ),
    (
        features("- {name: a, dtype: {translation: {languages: [en, de]}}}"),
        features("- {name: a, dtype: {translation: {}}}"),
        "error[CARD_FEATURE] README.md:4: translation has no languages\n  fix: write languages: below it",
    ),
]
#: The same for what `datasets` takes, though the Hub or a file system does not, or it is lost.
TAKEN: list[tuple[str, str, str]] = [
    (
        configs("- config_name: a", "- config_name: b"),
        configs("- config_name: a", "- config_name: a"),
        "error[CARD_CONFIG] README.md:4: two configs are called 'a'\n  fix: rename one: `datasets` sees the last alone",
    ),
    (
        configs("- config_name: a.b-c"),
        configs("- config_name: a/b"),
        "error[CARD_CONFIG] README.md:3: the name of a config cannot have '/' in it: 'a/b'\n"
        "  fix: use letters, digits, '-', '_' and '.'",
    ),
    (
        configs(*FILES, "  - {split: train, path: a}"),
        configs(*FILES, "  - {split: all, path: a}"),
        "error[CARD_SPLIT] README.md:5: 'all' means all splits, and cannot name one\n  fix: rename it, such as train",
    ),
    (
        configs("- config_name: a", "  data_dir: x", "  default: true"),
        configs("- config_name: a", "  data_dir: 1", "  default: 1"),
        'error[CARD_TYPE] README.md:4: data_dir is 1, a whole number, not text\n  fix: write "1"\n'
        "error[CARD_TYPE] README.md:5: default is 1, a whole number, not true or false\n  fix: write true or false",
    ),
    (
        features("- {name: a, dtype: {class_label: {names: {'0': 'no', '1': 'yes'}}}}"),
        features("- {name: a, dtype: {class_label: {names: {0: x, 1: y}}}}"),
        "error[CARD_FEATURE] README.md:4: 0, a number, is a key of names: the Hub asks for text\n"
        "  fix: write '0', and so on below",
    ),
    (
        features("- {name: a, dtype: {class_label: {names: {'0': 'no', '1': 'yes'}}}}"),
        features("- {name: a, dtype: {class_label: {names: {'0': no, '1': 3}}}}"),
        "error[CARD_UNQUOTED] README.md:4: no is true or false in YAML 1.1 and text in YAML 1.2\n"
        '  fix: write "no" if it is text, false if it is not\n'
        'error[CARD_TYPE] README.md:4: a label is 3, a whole number, not text\n  fix: write "3"',
    ),
    (
        features("- {name: a, dtype: string}", "- {name: b, dtype: string}"),
        features("- {name: a, dtype: string}", "- {name: a, dtype: string}"),
        "error[CARD_FEATURE] README.md:5: two features are called 'a'\n  fix: rename one of them",
    ),
    (
        info("splits:", "- {name: train, num_bytes: 1, num_examples: 2}"),
        info("splits:", "- {name: train}"),
        "warning[WARN_CARD_SPLITS] README.md:4: a split has no num_bytes and num_examples: "
        "`datasets` passes over all splits of this dataset_info\n  fix: write num_bytes and num_examples",
    ),
    (
        info("splits:", "- {name: train, num_bytes: 1, num_examples: 2}"),
        info("splits:", "- {name: train, num_bytes: 1.5, num_examples: -2}", "download_size: 3 kB"),
        "error[CARD_TYPE] README.md:4: num_bytes is 1.5, a number, not a whole number\n  fix: write its digits alone\n"
        "error[CARD_TYPE] README.md:4: num_examples is -2, less than 0\n"
        "  fix: write its digits alone\n"
        'error[CARD_TYPE] README.md:5: download_size is "3 kB", text, not a whole number\n'
        "  fix: write its digits alone",
    ),
    (
        info("config_name: a", "dataset_size: 3"),
        info("config_name: a", "dataset_sise: 3"),
        "warning[WARN_CARD_KEY] README.md:4: `datasets` does not know the key 'dataset_sise' of dataset_info\n"
        "  fix: did you mean 'dataset_size'?",
    ),
    (
        "dataset_info:\n- config_name: a\n- config_name: b",
        "dataset_info:\n- config_name: a\n- config_name: a",
        "error[CARD_CONFIG] README.md:4: two items of dataset_info are about 'a'\n"
        "  fix: give each item the config_name of its config",
    ),
    (
        configs("- config_name: first") + "\n" + info("config_name: first"),
        configs("- config_name: first") + "\n" + info("config_name: frist"),
        "warning[WARN_CARD_CONFIG] README.md:5: dataset_info is about 'frist', which is no config\n"
        "  fix: did you mean 'first'?",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "said"), [*RULES, *LOADED, *TAKEN])
def test_a_mistake_is_told_with_its_place_and_what_to_do(right: str, wrong: str, said: str) -> None:
    assert told(block(right)) == ""
    assert told(block(wrong)) == said


def load(text: str) -> None:
    """Read a card as `datasets` does before it looks at files."""
    from datasets import Features
    from datasets.data_files import sanitize_patterns
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs

    data = DatasetCard(text).data
    known = MetadataConfigs.from_dataset_card_data(data)
    known.get_default_config_name()
    for one in known.values():
        if one.get("data_files"):
            sanitize_patterns(one["data_files"])
    for dataset in DatasetInfosDict.from_dataset_card_data(data).values():
        Features(dataset.features or {}).arrow_schema  # noqa: B018


@pytest.mark.parametrize(("right", "wrong"), [(right, wrong) for right, wrong, _ in LOADED])
def test_datasets_loads_what_is_right_and_refuses_what_is_wrong(right: str, wrong: str) -> None:
    load(block(right))
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        load(block(wrong))


@pytest.mark.parametrize("right", [right for right, _, _ in TAKEN])
def test_datasets_loads_what_is_right_elsewhere(right: str) -> None:
    load(block(right))


TYPES = """null bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 date32 date64
    string large_string string_view utf8 large_utf8 binary large_binary binary_view timestamp[us] timestamp[us,tz=UTC]
    timestamp[xs] duration[ms] duration[d] time32[s] time32[us] time64[ns] time64[s] decimal128(10,2) decimal256(40,-6)
    decimal64(3,1) fixed_size_binary[3] fixed_size_binary[x] float double int long str text object
    number datetime date boolean""".split()


@pytest.mark.parametrize("name", [*TYPES, "timestamp[us, tz=Europe/Minsk]", "decimal128(4, -2)"])
def test_types_of_values_are_those_of_datasets(name: str) -> None:
    from datasets.features.features import string_to_arrow

    try:
        string_to_arrow(name)
        known = True
    except ValueError:
        known = False
    assert (told(block(features(f"- name: a\n    dtype: '{name}'"))) == "") == known


def test_every_code_is_on_the_page() -> None:
    page = (ROOT / "docs/CARD.md").read_text("utf-8")
    found = set[str]()
    for name in ("papers/matter", "papers/lint", "papers/configs", "papers/features", "reader/inspect"):
        found |= set(re.findall(r'"((?:WARN_)?CARD_[A-Z_]+)"', (ROOT / f"src/parquetry/{name}.py").read_text("utf-8")))
    assert found == set(re.findall(r"`((?:WARN_)?CARD_[A-Z_]+)`", page))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = block("pretty_name: no\nlicense: MIT\n" + configs("- a: 1") + "\ntags: x\nlanguage: [EN, be]")
    codes = [(one.code, one.where) for one in lint(text, "x.md")]
    assert codes == [
        ("CARD_UNQUOTED", "x.md:2"),
        ("CARD_LICENSE", "x.md:3"),
        ("CARD_CONFIG", "x.md:5"),
        ("CARD_TYPE", "x.md:6"),
        ("CARD_LANGUAGE", "x.md:7"),
    ]
    assert errors(text, "x.md") == lint(text, "x.md")


def test_an_alias_is_never_followed() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    loop = "dataset_info: &x\n  features:\n  - &y\n    name: a\n    struct: [*y]"
    assert {one.code for one in lint(block(bomb), "x")} == {"WARN_CARD_ALIAS", "WARN_CARD_KEY"}
    assert [one.code for one in lint(block(loop), "x")] == ["WARN_CARD_ALIAS"]


def both(text: str) -> tuple[Any, Any]:
    """A block of YAML as readers of YAML 1.1 and of 1.2 see it."""
    return yaml.safe_load(text), YAML(typ="safe", pure=True).load(text)


scalars = st.text("0123456789.:-+eExobnyaftrusl~=< ", min_size=1, max_size=8) | st.sampled_from(
    "no yes on off No YES y n true null Null ~ 0o17 017 0x1F 1e3 1.5e3 1.0e+3 .5 1. .inf .nan 1:30 2026-11-22".split()
)


@given(scalars)
def test_what_is_not_reported_reads_the_same_in_yaml_1_1_and_1_2(text: str) -> None:
    if any(
        one.code in ("CARD_UNQUOTED", "CARD_YAML", "CARD_TAB", "CARD_FRONT_MATTER")
        for one in lint(block(f"x: {text}"), "x")
    ):
        return
    old, new = both(f"x: {text}")
    assert repr(old) == repr(new)


@given(st.text(max_size=200) | st.text("-: \t\n[]{}&*!|>'\"#ab01%", max_size=80))
def test_no_text_crashes_it(text: str) -> None:
    for card_text in (text, block(text), block(f"configs:\n{text}"), block(f"dataset_info: {text}")):
        for one in lint(card_text, "README.md"):
            assert re.fullmatch(r"(WARN_)?CARD_[A-Z_]+", one.code)
            assert 1 <= int(one.where.removeprefix("README.md:")) <= len(re.findall(r"\r\n|\r|\n", card_text)) + 1


nested: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["train", "string", "a", "all", "default"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                """config_name data_files split path default features name dtype list struct class_label names splits
                num_bytes num_examples sequence large_list translation languages""".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(hub.NESTED | {"license", "language", "viewer"})), nested, max_size=3))
def test_no_shape_crashes_it_and_what_is_sound_can_be_loaded(document: dict[str, Any]) -> None:
    text = block(yaml.safe_dump(document))
    if not errors(text, "x"):
        load(text)


def test_the_card_of_the_bundled_release_is_clean() -> None:
    assert told((RELEASE / "README.md").read_text("utf-8")) == ""


@pytest.mark.parametrize("name", ["gesetze-de", "fivethirtyeight-events"])
def test_the_cards_of_real_corpora_are_clean_and_read_the_same_everywhere(name: str, tmp_path: Path) -> None:
    built = read_built(recipe_for(tmp_path, CASES[name]()), tmp_path / "out")
    text = (built.place / "README.md").read_text("utf-8")
    assert told(text) == ""
    old, new = both(matter(text))
    assert old == json.loads(json.dumps(new))


def test_a_card_with_an_error_ends_the_build(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    made = card.front_matter
    monkeypatch.setattr(card, "front_matter", lambda facts: made(facts).replace('- "en"', "- no"))
    project.rows("notes.jsonl", [{"id": "a", "text": "x"}])
    with pytest.raises(VerificationError) as refused:
        project.build()
    what, fix = "no is true or false in YAML 1.1 and text in YAML 1.2", 'write "no" if it is text, false if it is not'
    assert refused.value.problems == (Problem("CARD_UNQUOTED", "README.md:5", what, fix),)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parquetry", "lint", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_tells_errors_by_its_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(block("license: mit"), "utf-8")
    done = run(str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: nothing is wrong\n", "")
    path.write_text(block("licence: mit"), "utf-8")
    done = run(str(path))
    warned = (
        f"warning[WARN_CARD_KEY] {path}:2: the Hub does not know the key 'licence'\n  fix: did you mean 'license'?\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: no errors, 1 warning\n", warned)
    path.write_text(block("licence: mit\nlicense: MIT"), "utf-8")
    done = run(str(path))
    refused = f"error[CARD_LICENSE] {path}:3: unknown licence id 'MIT'\n  fix: did you mean 'mit'?\n"
    assert (done.returncode, done.stdout, done.stderr) == (5, "", warned + refused)
    done = run(str(path), "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["file"], said["sound"]) == (5, str(path), False)
    assert [one["where"] for one in said["problems"] + said["warnings"]] == [f"{path}:3", f"{path}:2"]


def test_the_command_names_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    done = run(str(tmp_path / "none.md"))
    assert done.stderr == (
        f"error[FILE_MISSING] {tmp_path}/none.md: there is no such file\n"
        "  fix: give the README.md or the croissant.json of a dataset\n"
    )
    assert done.returncode == run(str(tmp_path)).returncode == 2
    (tmp_path / "README.md").write_bytes(b"\xff")
    done = run(str(tmp_path / "README.md"))
    assert done.returncode == 5
    assert done.stderr.startswith(f"error[CARD_ENCODING] {tmp_path}/README.md: is not UTF-8: ")


#: Cards of the Hub of 2022, read by hand: what is wrong in them, by line.
READ_BY_HAND: dict[str, list[str]] = {
    "ai2_arc": [],
    "bible_para": [],
    "imagefolder": ["WARN_CARD_FRONT_MATTER:1"],
    "ag_news": ["CARD_FEATURE:79"],
    "art": ["WARN_CARD_VALUE:22", "CARD_FEATURE:38"],
    "aquamuse": ["WARN_CARD_VALUE:27"],
    "billsum": ["WARN_CARD_VALUE:19"],
    "bianet": ["CARD_CONFIG:25"],
    "duorc": ["CARD_CONFIG:26"],
    "asset": ["WARN_CARD_VALUE:21", "CARD_CONFIG:26", "CARD_FEATURE:56"],
    "wiki_auto": ["CARD_CONFIG:24", "CARD_FEATURE:36"],
    "c3": ["WARN_CARD_LICENSE:9"],
    "cbt": ["WARN_CARD_VALUE:23", "CARD_CONFIG:26"],
    "amazon_reviews_multi": ["WARN_CARD_LICENSE:14", "CARD_CONFIG:38"],
    "dialog_re": ["WARN_CARD_LICENSE:9", "WARN_CARD_VALUE:21"],
    "rvl_cdip": ["WARN_CARD_LICENSE:9", "CARD_FEATURE:30"],
    "electricity_load_diagrams": ["CARD_LANGUAGE:7"],
    "ett": ["CARD_LANGUAGE:7"],
    "mc4": ["WARN_CARD_LANGUAGE:49"],
    "wmt18": ["WARN_CARD_SPLITS:123", "WARN_CARD_SPLITS:124", "WARN_CARD_SPLITS:125"],
    "tapaco": ["WARN_CARD_VALUE:97", "CARD_CONFIG:102"],
}


def real(name: str = "") -> Path:
    if not CARDS.is_dir():
        pytest.skip("the cards are not beside this repository (../shared/corpora)")
    return CARDS / name


@pytest.mark.parametrize("name", READ_BY_HAND)
def test_in_a_real_card_all_mistakes_are_found_and_no_others(name: str) -> None:
    text = (real(name) / "README.md").read_bytes().decode()
    assert [f"{one.code}{one.where}" for one in lint(text, "")] == READ_BY_HAND[name]


@pytest.mark.slow
def test_datasets_loads_a_real_card_exactly_if_it_has_no_error_of_loading() -> None:
    found = sorted(real().glob("*/README.md"))
    assert len(found) == 389
    for path in found:
        text = path.read_bytes().decode()
        wrong = [one for one in errors(text, "") if one.code != "CARD_LANGUAGE" and "the Hub asks" not in one.what]
        if wrong:
            with pytest.raises(ValueError, match="config_name"):
                load(text)
        else:
            load(text)


def test_cards_and_yaml_that_others_use_for_tests_do_not_crash_it() -> None:
    folders = [
        SHARED / "corpora/hf-card-spec",
        SHARED / "test-material/hf-cards",
        SHARED / "test-material/yaml-test-suite",
    ]
    paths = [
        path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in (".md", ".yaml", ".yml")
    ]
    if not paths:
        pytest.skip("the test material is not beside this repository (../shared)")
    for path in paths:
        text = path.read_bytes().decode("utf-8", "replace")
        for one in (text, block(text)):
            if not errors(one, "x") and one.startswith("---\n"):
                front = re.match(r"---\n(.*?)\n---", one, re.DOTALL)
                try:
                    YAML(typ="safe", pure=True).load(front[1] if front else "")
                except YAMLError as error:
                    raise AssertionError(path) from error

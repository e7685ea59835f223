"""The words that the Hub knows in the front matter of a dataset card.

Sources: the specification of the dataset card (https://github.com/huggingface/hub-docs/blob/main/datasetcard.md), its
pages on gated datasets and the viewer, the resources of `datasets`, and the tasks of the Hub
(https://github.com/huggingface/huggingface.js/blob/main/packages/tasks/src/pipelines.ts).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

#: The values of ``task_categories``; the Hub adds some each year.
TASKS = tuple(
    """any-to-any audio-classification audio-text-to-text audio-to-audio automatic-speech-recognition biology
    depth-estimation document-question-answering feature-extraction fill-mask graph-ml image-classification
    image-feature-extraction image-segmentation image-text-to-image image-text-to-text image-text-to-video image-to-3d
    image-to-image image-to-text image-to-video keypoint-detection mask-generation multiple-choice object-detection
    other question-answering reinforcement-learning robotics sentence-similarity summarization table-question-answering
    table-to-text tabular-classification tabular-regression tabular-to-text text-classification text-generation
    text-ranking text-retrieval text-to-3d text-to-audio text-to-image text-to-speech text-to-video
    text2text-generation time-series-forecasting token-classification translation unconditional-image-generation
    video-classification video-text-to-text video-to-video visual-document-retrieval visual-question-answering
    voice-activity-detection zero-shot-classification zero-shot-image-classification
    zero-shot-object-detection""".split()
)
#: The values of ``task_ids``.
SUBTASKS = tuple(
    """abstractive-qa acceptability-classification audio-emotion-recognition audio-intent-classification
    audio-language-identification closed-book-qa closed-domain-qa conversational coreference-resolution
    dialogue-generation dialogue-modeling document-question-answering document-retrieval entity-linking-classification
    entity-linking-retrieval explanation-generation extractive-qa face-detection fact-checking fact-checking-retrieval
    grasping hate-speech-detection image-captioning image-colorization image-inpainting instance-segmentation
    intent-classification keyword-spotting language-identification language-modeling lemmatization
    masked-language-modeling multi-class-classification multi-class-image-classification
    multi-input-text-classification multi-label-classification multi-label-image-classification
    multiple-choice-coreference-resolution multiple-choice-qa multivariate-time-series-forecasting
    named-entity-recognition natural-language-inference news-articles-headline-generation news-articles-summarization
    open-book-qa open-domain-abstractive-qa open-domain-qa panoptic-segmentation parsing part-of-speech pose-estimation
    rdf-to-text semantic-segmentation semantic-similarity-classification semantic-similarity-scoring sentiment-analysis
    sentiment-classification sentiment-scoring slot-filling speaker-identification super-resolution
    tabular-multi-class-classification tabular-multi-label-classification tabular-single-column-regression
    task-planning text-scoring text-simplification topic-classification univariate-time-series-forecasting
    utterance-retrieval vehicle-detection visual-question-answering word-sense-disambiguation""".split()
)
_CREATORS = ("crowdsourced", "expert-generated", "found", "machine-generated", "other")
_SIZES = """n<1K 1K<n<10K 10K<n<100K 100K<n<1M 1M<n<10M 10M<n<100M 100M<n<1B 1B<n<10B 10B<n<100B 100B<n<1T n>1T
    unknown other"""
#: The words that stand under a key whose words are given.
WORDS: Mapping[str, tuple[str, ...]] = {
    "annotations_creators": ("no-annotation", *_CREATORS),
    "language_creators": _CREATORS,
    "multilinguality": ("monolingual", "multilingual", "translation", "other"),
    "size_categories": tuple(_SIZES.split()),
    "task_categories": TASKS,
    "task_ids": SUBTASKS,
}
#: Keys that hold text.
TEXTS = frozenset(
    """pretty_name license_name license_link license_details paperswithcode_id thumbnail extra_gated_prompt
    extra_gated_heading extra_gated_description extra_gated_button_content""".split()
)
#: Keys that hold a list of texts, or one text.
LISTS = frozenset({"language", "language_bcp47", "language_details", "license", "config_names", *WORDS})
#: Keys that hold a list of texts, however short.
STRICT_LISTS = frozenset({"tags", "source_datasets"})
#: Keys that are true or false.
SWITCHES = frozenset({"viewer", "extra_gated_eu_disallowed"})
#: Keys that hold more than texts.
NESTED = frozenset({"configs", "dataset_info", "extra_gated_fields", "train-eval-index"})
KEYS = TEXTS | LISTS | STRICT_LISTS | SWITCHES | NESTED
#: What a person who asks for access to a gated dataset can be asked for.
GATES = ("text", "checkbox", "date_picker", "country", "select")
#: Codes of languages that have two letters (ISO 639-1).
LANGUAGES = frozenset(
    """aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne
    ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss
    st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu""".split()
)
#: Codes that are taken for those of languages, because they were once, or are those of countries.
MISTAKEN = {"iw": "he", "in": "id", "ji": "yi", "mo": "ro"}
MISTAKEN |= {"cn": "zh", "cz": "cs", "dk": "da", "gr": "el", "jp": "ja", "us": "en", "gb": "en", "ua": "uk", "by": "be"}


def near(word: str, words: Iterable[str]) -> str:
    """The known word that ``word`` was meant to be, or nothing.

    >>> near("monolingal", WORDS["multilinguality"]), near("10k<n<100k", WORDS["size_categories"])
    ('monolingual', '10K<n<100K')
    """
    known = {one.lower(): one for one in words}
    alike = difflib.get_close_matches(word.lower().replace("_", "-").replace(" ", "-"), known, 1, 0.75)
    alike = alike or difflib.get_close_matches(word.lower(), known, 1, 0.75)
    return known[alike[0]] if alike else ""

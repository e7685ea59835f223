"""The client of the Hugging Face Hub, and what its errors mean."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from parquetry.remote.address import Address
from parquetry.words.errors import Problem, PublishError, RecipeError

#: What the client is told before it is loaded: not to send reports, and not to draw.
_QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
#: Hosts on this machine, to which a token may go in clear text.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def client(address: Address) -> Any:
    """The client of the Hub.

    Raises:
        RecipeError: It is not installed.
        PublishError: The Hub would be spoken to in clear text.
    """
    os.environ.update(_QUIET)
    try:
        from huggingface_hub import HfApi, get_token
    except ImportError:
        fix = "pip install 'parquetry[publish]'"
        raise RecipeError(
            Problem("PUBLISH_EXTRA", address.text, "the client of the Hub is not installed", fix)
        ) from None
    api = HfApi()
    if (token := get_token()) and not re.fullmatch("[!-~]+", token):
        fix = "copy it again; it has letters, digits and _ alone"
        raise PublishError(Problem("HUB_TOKEN", address.text, "the token holds what no token holds", fix))
    parts = urlsplit(api.endpoint)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        fix = "set HF_ENDPOINT to an address that begins with https://"
        what = "the token would be sent in clear text"
        raise PublishError(Problem("ENDPOINT_INSECURE", f"HF_ENDPOINT={api.endpoint}", what, fix))
    return api


def errors(*more: type[BaseException]) -> tuple[type[BaseException], ...]:
    """What the client raises where the Hub refuses, or does not answer; and ``more`` than that."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # of the HTTP library below it

    return (HTTPError, OSError, RuntimeError, *more)


def answered(error: BaseException) -> bool:
    """Whether the Hub said no; else it did not answer, or not now."""
    code = getattr(getattr(error, "response", None), "status_code", None)
    return code is not None and code != 429 and code < 500

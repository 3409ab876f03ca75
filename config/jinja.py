"""The Jinja environment of every page: NHS components, addresses, numbers in words.

Named by settings.TEMPLATES. Undefined values chain to nothing, as the NHS macros
expect of their optional parameters.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.templatetags.static import static
from django.urls import reverse
from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup

from dashboards import wording
from governance import pseudonym

# What would end a script element early, or open a comment inside it.
SCRIPT_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def environment(**options: Any) -> Environment:
    """Make the environment: our templates first, then the NHS design system's."""
    own = options.pop("loader")
    options |= {
        "loader": ChoiceLoader([own, PackageLoader("nhsuk_frontend_jinja")]),
        "undefined": ChainableUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "extensions": ["jinja2.ext.do"],
    }
    env = Environment(**options)
    env.globals |= {"static": static, "url": url, "csrf_token_of": csrf_token_of}
    env.filters |= {
        "count": wording.count,
        "number": wording.number,
        "duration": wording.duration,
        "percent": wording.percent,
        "pounds": wording.pounds,
        "day": wording.day,
        "moment": wording.moment,
        "short_reference": pseudonym.short,
        "json_block": json_block,
    }
    return env


def csrf_token_of(request: HttpRequest | None) -> str:
    """Return the token for a page's forms: masked once a page, for forms are many."""
    if request is None:
        return ""
    if not hasattr(request, "masked_csrf"):
        request.masked_csrf = get_token(request)  # type: ignore[attr-defined]
    return str(request.masked_csrf)  # type: ignore[attr-defined]


def url(name: str, *args: Any, query: Mapping[str, Any] | None = None) -> str:
    """Return the address of a named page; `query` leaves out what is empty."""
    kept = {key: value for key, value in (query or {}).items() if value}
    return reverse(name, args=args, query=kept) if kept else address_of(name, *args)


@lru_cache(maxsize=8192)
def address_of(name: str, *args: Any) -> str:
    """Return the address of a named page; a list's page has some hundred of them."""
    return str(reverse(name, args=args))


def json_block(value: Any) -> Markup:
    """Write a value as JSON that is safe inside a script element.

    ValueError for a number that JSON does not know (NaN, infinity).
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Markup(text.translate(SCRIPT_ESCAPES))

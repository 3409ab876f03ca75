"""What a process may know: read from its own environment, secrets also from files.

Every secret NAME may be given as NAME_FILE, the path of a file that holds it, which
is how container platforms hand secrets over. A missing setting fails with what to do.
"""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


class MissingSettingError(RuntimeError):
    """A required environment variable is absent; the message says what to do."""


def value(name: str, default: str | None = None) -> str | None:
    """Return the variable NAME, or the content of the file named by NAME_FILE."""
    if name in os.environ:
        return os.environ[name]
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return default


def required(name: str, why: str) -> str:
    """Return the variable NAME or fail with a message that says what it is for."""
    found = value(name)
    if not found:
        raise MissingSettingError(
            f"{name} is not set. It holds {why}. Set {name} (or {name}_FILE with a"
            " path to a file that holds it); dotenv-sample lists every variable."
        )
    return found


def shard_count(text: str) -> int:
    """The number of partitions that CATCHMENT_SHARDS asks for: a power of two."""
    if text not in ("1", "2", "4", "8", "16", "32", "64"):
        raise ValueError(
            f"CATCHMENT_SHARDS is {text!r}. It is a power of two up to 64, the same for"
            " every process as when the store's tables were made."
        )
    return int(text)


def database(url: str) -> dict[str, object]:
    """Turn postgresql://user:password@host:port/name?option=… into Django's form.

    A Unix socket is given as `?host=/path/of/the/socket/folder`.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise MissingSettingError(
            f"A database URL must begin with postgresql://, not {parts.scheme}://"
        )
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or parts.hostname or ""
    port = options.pop("port", None) or parts.port or ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port),
        "OPTIONS": options,
    }


def mail(url: str) -> dict[str, object]:
    """Turn smtp://user:password@host:587 into Django's settings of a mail server.

    smtp:// asks for TLS once connected, smtps:// from the first byte. A server that
    offers neither is not written to: what is sent names who works where.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise MissingSettingError(
            "CATCHMENT_SMTP_URL must be smtp://… or smtps://… with a host"
        )
    at_once = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if at_once else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": at_once,
        "EMAIL_USE_TLS": not at_once,
    }


def broker(url: str) -> str:
    """Spell a Valkey address as Celery's transport does.

    `unix://:password@/path?db=0`, which every other client understands, becomes
    `redis+socket://:password@/path?virtual_host=0`; other addresses stay as they are.
    """
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    number = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={number}"

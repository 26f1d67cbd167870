"""Secrets in URLs: found before they reach a file, hidden before they reach a terminal."""

from __future__ import annotations

import re

# Greedy up to the last @: a password may itself hold : / ? # or @.
_USERINFO = re.compile(
    r"^(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[^:@/]*)(?P<password>:.*)?@", re.IGNORECASE | re.DOTALL
)
_WORDS = "password|passwd|pwd|secret|token|signature|credential|api[_-]?key|access[_-]?key"
_PARAMETER = re.compile(
    rf"(?P<name>[?&;#](?:[a-z0-9_.-]*(?:{_WORDS})[a-z0-9_.-]*|sig|key))=(?P<value>[^&;#]*)", re.IGNORECASE
)
_REFERENCE = re.compile(r"\$\{[A-Z_][A-Z0-9_]*\}")
_HIDDEN = "***"


def has_secret(url: str) -> bool:
    """Whether a URL carries a password, key or token in the clear. ``${NAME}`` is none: it is a reference."""
    return hidden(url) != url


def hidden(url: str) -> str:
    """The URL with ``***`` for every secret in it; references stay, since they say nothing."""
    return _PARAMETER.sub(_hide_value, _USERINFO.sub(_hide_userinfo, url))


def _hide_userinfo(match: re.Match[str]) -> str:
    scheme, user, password = match["scheme"], match["user"], match["password"]
    if password is None:
        # On the web a name without a password is a token; in a database it is only a name.
        shown = _hide(user) if scheme.lower() in {"http", "https"} else user
        return f"{scheme}://{shown}@"
    return f"{scheme}://{user}:{_hide(password[1:])}@"


def _hide_value(match: re.Match[str]) -> str:
    return f"{match['name']}={_hide(match['value'])}"


def _hide(value: str) -> str:
    return value if not value or _REFERENCE.fullmatch(value) else _HIDDEN

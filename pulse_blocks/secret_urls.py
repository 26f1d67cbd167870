"""Secrets in URLs: found, hidden, taken out, and put back only where a connection is opened.

``${NAME}`` in a URL is a reference: to a secret that this process holds in memory (``keep``), else to the environment.
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Mapping

from pulse_blocks.errors import PulseError

# Greedy up to the last @: a password may itself hold : / ? # or @.
_USERINFO = re.compile(
    r"^(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[^:@/]*)(?P<password>:.*)?@", re.IGNORECASE | re.DOTALL
)
_WORDS = "password|passwd|pwd|secret|token|signature|credential|api[_-]?key|access[_-]?key"
_PARAMETER = re.compile(
    rf"(?P<name>[?&;#](?:[a-z0-9_.-]*(?:{_WORDS})[a-z0-9_.-]*|sig|key))=(?P<value>[^&;#]*)", re.IGNORECASE
)
_VALUE = re.compile(r"[^/?]*://[^?]*\?(?:[^&]*&)*[^&=]+=[^&]*\Z", re.DOTALL)
_REFERENCE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")
_HIDDEN = "***"
_kept: dict[str, str] = {}


def has_secret(url: str) -> bool:
    """Whether a URL carries a password, key or token in the clear. ``${NAME}`` is none: it is a reference."""
    return hidden(url) != url


def hidden(url: str) -> str:
    """The URL with ``***`` for every secret in it; references stay, since they say nothing."""
    return _PARAMETER.sub(_hide_value, _USERINFO.sub(_hide_userinfo, url))


def secrets(url: str) -> list[str]:
    """Every secret in a URL, as it is written and decoded, the longest first."""
    user = _USERINFO.match(url)
    found = [match["value"] for match in _PARAMETER.finditer(url)]
    found += [user["password"][1:]] if user and user["password"] else []
    return sorted(
        {text for one in found for text in (one, urllib.parse.unquote(one)) if text}, key=len, reverse=True
    )


def without_password(url: str) -> tuple[str, str | None]:
    """The URL without the password of its user, and that password, decoded; None where there is none."""
    match = _USERINFO.match(url)
    if match is None or not match["password"] or _REFERENCE.fullmatch(match["password"][1:]):
        return url, None
    plain = f"{match['scheme']}://{match['user']}@{url[match.end() :]}"
    return plain, urllib.parse.unquote(match["password"][1:])


def with_reference(url: str, name: str) -> str:
    """The URL with ``${name}`` as the password of its user."""
    scheme, _, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}:${{{name}}}@{host if at else rest}"


def references(url: str) -> list[str]:
    """The names of all ``${NAME}`` in a URL."""
    return _REFERENCE.findall(url)


def password_variable(name: str) -> str:
    """The environment variable that is to hold the password of a datasource: ``FLIGHTS_PASSWORD``."""
    return f"{name.upper().replace('-', '_')}_PASSWORD"


def keep(name: str, secret: str) -> None:
    """Hold a secret in memory, for all of this process: ``${name}`` means it from now on."""
    _kept[name] = secret


def resolve_references(url: str, environ: Mapping[str, str] | None = None) -> str:
    """Every ``${NAME}`` replaced: how a secret stays out of files. As a user's password, or in the value of an option
    after ``?``, it is encoded for the URL.

    Raises PulseError where nobody knows the name. Call it where the connection is opened, never earlier.
    """
    env = os.environ if environ is None else environ

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        found = _kept.get(name, env.get(name))
        if found is None:
            raise PulseError(
                "workspace.reference_unset",
                f"The environment variable {name} that the workspace refers to is not set.",
                f"Set {name} and try again.",
            )
        before, after = url[: match.start()], url[match.end() :]
        is_password = re.fullmatch(r"[^:/]+://[^:@/]*:", before) and after.startswith("@")
        return urllib.parse.quote(found, safe="") if is_password or _VALUE.match(before) else found

    return _REFERENCE.sub(value, url)


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

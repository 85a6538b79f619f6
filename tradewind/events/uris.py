"""The syntax of URIs (RFC 3986, appendix A), for senders that are held to it (`--strict-uris`)."""

import re

_PCT = "%[0-9A-Fa-f]{2}"
_PCHAR = rf"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|{_PCT})"
_SEGMENTS = rf"{_PCHAR}+(?:/{_PCHAR}*)*"
_USER = rf"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|{_PCT})*@)?"
_HOST = rf"(?:\[[0-9A-Fa-fvV:.]++\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|{_PCT})*)"
_AUTHORITY = rf"//{_USER}{_HOST}(?::[0-9]*+)?(?:/{_PCHAR}*)*"
_PATH = rf"(?:{_AUTHORITY}|/(?:{_SEGMENTS})?|{_SEGMENTS})?"
_QUERY = rf"(?:\?(?:{_PCHAR}|[/?])*)?"
_FRAGMENT = rf"(?:#(?:{_PCHAR}|[/?])*)?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+\-.]*+:"

_ABSOLUTE = re.compile(rf"{_SCHEME}{_PATH}{_QUERY}")
_REFERENCE = re.compile(rf"(?:{_SCHEME}|(?![^/?#:]*+:)){_PATH}{_QUERY}{_FRAGMENT}")


def is_absolute(text: str) -> bool:
    """Whether this is an absolute-URI: with a scheme and without a fragment (RFC 3986 4.3)."""
    return _ABSOLUTE.fullmatch(text) is not None


def is_reference(text: str) -> bool:
    """Whether this is a URI-reference (RFC 3986 4.1)."""
    return _REFERENCE.fullmatch(text) is not None

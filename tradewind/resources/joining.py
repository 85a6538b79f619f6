"""A Destination's URL, from the address of its `ref` and its `uri` (RFC 3986, §5).

ref           its address
uri           itself, where it is absolute
ref and uri   the URI as it is read from the address of the ref
"""

from urllib.parse import urljoin, urlsplit

from tradewind.resources import formats


def joined(address: str, uri: str) -> str:
    """The URI as it is read from this address; an empty one of the two leaves the other."""
    if not uri:
        return address
    return urljoin(_folder(address), uri) if address else uri


def is_usable(url: str) -> bool:
    """Whether events can be POSTed there: an absolute http or https URL."""
    return formats.uri(url) is None and formats.is_absolute(url)


def _folder(address: str) -> str:
    """The base for a relative URI: an address without a path has the root's."""
    return address if urlsplit(address).path else f"{address}/"

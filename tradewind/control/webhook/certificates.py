"""Pairs made, and told from what a Secret holds: everything about X.509 is here.

A Secret's data are read by what they say, not by whoever wrote them: a certificate that is not signed by its authority,
that has another key, or keys of a kind that we do not make, counts as nothing.
"""

import base64
import binascii
import datetime
import ipaddress
import warnings
from collections.abc import Iterable, Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tradewind.control.webhook.rotation import LIFE, SKEW, Kept, Pair

SERVER, SIGNER = "tradewind-webhook", "tradewind-webhook authority"
"""Common names.  They differ, or the server's certificate would count as signed by itself."""

AUTHORITY, CERTIFICATE, KEY = "ca-cert.pem", "server-cert.pem", "server-key.pem"
"""Keys of the Secret, as Knative's webhooks have them."""
NEXT = "next-"
"""Begins the three keys of the next pair."""
PREVIOUS = "previous-ca-cert.pem"
SINCE = "since"
"""When it came to this: seconds since 1970."""

UNREADABLE = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    CryptographyDeprecationWarning,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)
"""What is raised for data that are damaged, or not ours."""


def make(names: Iterable[str], now: float) -> Pair:
    """A new pair for a server of these names (and IP addresses), with an authority of its own."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    server, signer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (SERVER, SIGNER))
    known_by = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    signs = (
        _begun(signer, signer, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(known_by, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    serves = (
        _begun(server, signer, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in sorted(names)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known_by), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return pair(_pem(signs), _pem(serves), _pem_of_key(key))


def pair(authority: str, certificate: str, key: str) -> Pair:
    """The pair of these three PEM texts, written anew: OpenSSL reads them more strictly than they are read here.

    Raises one of UNREADABLE where they are none.
    """
    signs, serves = _read(authority), _read(certificate)
    private = serialization.load_pem_private_key(key.encode(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != serves.public_key():
        raise ValueError("another certificate's key")
    if not isinstance(private.curve, ec.SECP256R1):
        raise ValueError("a curve that we do not make keys of, and OpenSSL may not serve")
    if not signs.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise ValueError("no authority")
    serves.verify_directly_issued_by(signs)
    alternative = serves.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    begins = max(one.not_valid_before_utc for one in (signs, serves))
    ends = min(one.not_valid_after_utc for one in (signs, serves))
    names = frozenset(str(name.value) for name in alternative)
    return Pair(_pem(signs), _pem(serves), _pem_of_key(private), names, begins.timestamp(), ends.timestamp())


def kept(data: Mapping[str, str]) -> Kept:
    """What a Secret's `data` hold, as far as it can be read."""
    return Kept(_pair(data, ""), _pair(data, NEXT), _authority(data), _since(data))


def data(held: Kept) -> dict[str, str]:
    """The `data` of a Secret that holds this."""
    texts = {SINCE: f"{held.since:.0f}", PREVIOUS: held.previous}
    for prefix, one in (("", held.current), (NEXT, held.next)):
        if one:
            texts |= {prefix + AUTHORITY: one.authority, prefix + CERTIFICATE: one.certificate, prefix + KEY: one.key}
    return {name: encoded(text) for name, text in texts.items() if text}


def encoded(text: str) -> str:
    """Base64, as a Secret's values and a `caBundle` are written."""
    return base64.b64encode(text.encode()).decode()


def _decoded(data: Mapping[str, str], name: str) -> str:
    """Raises ValueError (binascii's is one) where it is no Base64 of a text."""
    return base64.b64decode(data.get(name) or "", validate=True).decode()


def _pair(data: Mapping[str, str], prefix: str) -> Pair | None:
    try:
        return pair(*(_decoded(data, prefix + name) for name in (AUTHORITY, CERTIFICATE, KEY)))
    except UNREADABLE:
        return None


def _authority(data: Mapping[str, str]) -> str:
    try:
        return _pem(_read(_decoded(data, PREVIOUS)))
    except UNREADABLE:
        return ""


def _since(data: Mapping[str, str]) -> float:
    try:
        text = _decoded(data, SINCE)
    except (binascii.Error, UnicodeDecodeError):
        return 0.0
    return float(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0.0


def _read(pem: str) -> x509.Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)  # what a later release refuses is refused now
        return x509.load_pem_x509_certificate(pem.encode())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *form).decode()


def _begun(named: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: float) -> x509.CertificateBuilder:
    made = datetime.datetime.fromtimestamp(round(now), datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made - datetime.timedelta(seconds=SKEW))
        .not_valid_after(made + datetime.timedelta(seconds=LIFE))
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

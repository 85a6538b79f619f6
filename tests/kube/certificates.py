"""Certificates of one test run: an authority, the servers' and one for every user that a test makes up."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = datetime.timedelta(days=1)
SKEW = datetime.timedelta(minutes=5)
"""How far into the past they are valid: the clock may be set while a run goes on."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """A certificate authority that whoever trusts `certificate` trusts."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        signed = self._begun(self._name, self._key).add_extension(constraints, critical=True)
        self.certificate = signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        """PEM."""

    def server(self) -> Pair:
        """For a server on loopback."""
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        return self._issued([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")], names)

    def client(self, user: str, groups: Sequence[str] = ()) -> Pair:
        """For a user of the API server: it takes the name from CN and the groups from O."""
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        return self._issued([*subject, x509.NameAttribute(NameOID.COMMON_NAME, user)], None)

    def _issued(self, subject: list[x509.NameAttribute[str]], names: x509.SubjectAlternativeName | None) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
        begun = self._begun(x509.Name(subject), key).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            begun = begun.add_extension(names, critical=False)
        return Pair(begun.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), private(key))

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(now + LIFE)
        )


def private(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public(pair: Pair) -> bytes:
    """The public half of a pair's key as PEM."""
    loaded = serialization.load_pem_private_key(pair.key, password=None)
    return loaded.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

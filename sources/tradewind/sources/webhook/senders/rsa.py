"""The door to `cryptography`, which the extra `tradewind[sns]` brings: RSA signatures of SNS."""

from collections.abc import Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}
"""By `SignatureVersion`."""


def verified(version: str, signature: bytes, words: bytes, certificate: bytes, now: float) -> bool:
    """Whether the key of a certificate (PEM) that is valid now signed these words."""
    algorithm = _HASHES.get(version)
    if algorithm is None:
        return False
    try:
        loaded = x509.load_pem_x509_certificate(certificate)
        key = loaded.public_key()
        if not loaded.not_valid_before_utc.timestamp() <= now <= loaded.not_valid_after_utc.timestamp():
            return False
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        key.verify(signature, words, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True

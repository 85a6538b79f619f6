"""TLS for the producer's connections, as librdkafka has it: a broker's certificate and its host's name are verified."""

import ssl

from tradewind.errors import Fault, InvalidSettings
from tradewind.pem_file import pem_file
from tradewind.resources.kafka_auth import KafkaAuth


def context(auth: KafkaAuth, path: str = "") -> ssl.SSLContext:
    """What connections are made with.  Raises InvalidSettings for what only OpenSSL can judge; `path` as in `read`."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if auth.ca else system()
    faults = []
    if auth.ca:
        try:
            made.load_verify_locations(cadata=auth.ca)
        except ssl.SSLError as error:
            faults.append(Fault(f"{path}ca.crt", reason(error), "certificates that OpenSSL can read"))
    if auth.certificate:
        try:
            with pem_file(auth.certificate + "\n" + auth.key) as file:
                made.load_cert_chain(file, password=_nobody)
        except ssl.SSLError as error:
            faults.append(Fault(f"{path}user.key", reason(error), "the key of user.crt, both as OpenSSL can read them"))
    if faults:
        raise InvalidSettings(faults)
    return made


def system() -> ssl.SSLContext:
    """What takes the word of the system's authorities.  Not Python's default, which has become stricter than OpenSSL's:
    librdkafka must be of the same mind."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_default_certs()
    return made


def with_system(ca: str) -> str:
    """The system's authorities and these, as PEM."""
    return "".join([*map(ssl.DER_cert_to_PEM_cert, system().get_ca_certs(binary_form=True)), ca])


def reason(error: ssl.SSLError) -> str:
    """What OpenSSL says, in fewer words."""
    return (error.reason or str(error)).replace("_", " ").lower()


def refusal(error: ssl.SSLError) -> str:
    """Why no connection came about, as users should read it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message.rstrip('.')}"
    said = error.reason or ""
    if "ALERT" in said:
        named = said.partition("ALERT_")[2].replace("_", " ").lower()
        return f"it refuses what it is shown (user.crt), or that it is shown nothing: {named}"
    if said in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "what listens there speaks no TLS"
    return reason(error)


def _nobody() -> str:
    """Who is asked for a key's password; else OpenSSL would ask at the terminal."""
    return ""

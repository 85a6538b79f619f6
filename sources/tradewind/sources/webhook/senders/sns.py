"""AWS SNS over HTTP: whose message it is, and what it is as an event (cloudevents/adapters/aws-sns.md).

    message ──topic among `topicArns`?──► certificate's URL is Amazon's? ──► signature over its own words ──► trusted
              no: 403                     no: 401                            no: 401

SNS signs the messages of everybody's topics with the same keys, so a signature alone says nothing of whose it is.  Both
URLs that a message names are asked only where they are exactly Amazon's: no other host, port, path or user.  The time
in a message is that of its publication, and SNS tries for weeks: so no window.
"""

import base64
import binascii
import re
from collections.abc import Mapping

from tradewind.sources.webhook.reading import text, time
from tradewind.sources.webhook.request import Request

_HOST = r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(rf"{_HOST}/SimpleNotificationService-[A-Za-z0-9]{{1,100}}\.pem")
_SUBSCRIBE = re.compile(rf"{_HOST}/\?[A-Za-z0-9%&=._~:+-]{{1,2000}}")

NOTIFICATION = "Notification"
CONFIRMATION = "SubscriptionConfirmation"
UNSUBSCRIBED = "UnsubscribeConfirmation"

_SIGNED: Mapping[str, tuple[str, ...]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIBED: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""Which words of each type of message are signed, in this order."""


def certificate_url(message: object) -> str:
    """Where its certificate is; nothing where that is no URL of Amazon's."""
    url = text(message, "SigningCertURL", "SigningCertUrl")
    return url if _CERTIFICATE.fullmatch(url) else ""


def subscribe_url(message: object) -> str:
    """What a GET confirms the subscription; nothing where that is no URL of Amazon's."""
    url = text(message, "SubscribeURL")
    return url if _SUBSCRIBE.fullmatch(url) else ""


def signed(message: object) -> bytes | None:
    """The words that a message signs; None where it is none."""
    fields = message if isinstance(message, dict) else {}
    names = _SIGNED.get(text(message, "Type"), ())
    words = [(name, fields.get(name)) for name in names if name in fields or name != "Subject"]
    words = [(name, word) for name, word in words if not (name == "Subject" and word is None)]
    if not words or not all(isinstance(word, str) for _, word in words):
        return None
    return "".join(f"{name}\n{word}\n" for name, word in words).encode("utf-8", "surrogatepass")


def is_signed(message: object, certificate: bytes, now: float) -> bool:
    """Whether the certificate's key made the message's signature, and may still be used."""
    from tradewind.sources.webhook.senders.rsa import verified  # it needs the extra, and only SNS needs it

    words, signature = signed(message), _signature(message)
    if words is None or signature is None:
        return False
    return verified(text(message, "SignatureVersion"), signature, words, certificate, now)


def _signature(message: object) -> bytes | None:
    try:
        return base64.b64decode(text(message, "Signature").encode(), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def attributes(request: Request, message: object) -> dict[str, str]:
    """By the document.  What it takes from header fields, which nobody signs, is in the signed message, too; the ARN of
    the subscription is not, and counts where it is one of the topic's."""
    topic, kind = text(message, "TopicArn"), text(message, "Type")
    subscription = request.identity("x-amz-sns-subscription-arn")
    theirs = subscription.startswith(f"{topic}:")
    return {
        "id": text(message, "MessageId"),
        "type": f"com.amazonaws.sns.{kind}",
        "source": subscription if theirs else topic,
        "subject": text(message, "Subject") if kind == NOTIFICATION else "",
        "time": time(message, "Timestamp"),
    }

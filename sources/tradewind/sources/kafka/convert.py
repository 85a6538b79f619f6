"""A record of a Kafka topic → an event (knative-eventing §3.1, KafkaSource).

    says that it is a CloudEvent   and is one    it passes, with where it lay, and with its key where it has none itself
      (ce_specversion, or the      and is none   every fault: it goes to the dead letters
       content type of one)
    anything else                                dev.knative.kafka.event: each becomes an event

What cannot stand in an attribute as it is (bytes that are no UTF-8, control characters, a key that is not of the key
type) stands there as Base64, and `kafkabase64` names such attributes.  A header's name keeps its letters and digits,
in lower case; of headers with one name after that the last counts, as for Knative.  A name that is very long is cut
and ends with a digest.  A record without a value is an event without data.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tradewind.delivery.journey import hops
from tradewind.errors import InvalidEvent
from tradewind.events import kafka
from tradewind.events.attributes import is_media_type, is_text
from tradewind.events.model import HOPS, SPEC_VERSION, Event
from tradewind.ports import Record
from tradewind.resources.model import KafkaSource, KeyType, NamespacedName

TYPE = "dev.knative.kafka.event"
HEADER = "kafkaheader"
PARTITION, OFFSET = "knativekafkapartition", "knativekafkaoffset"
ENCODED = "kafkabase64"
"""Names, parted by commas, of the attributes whose values are Base64 here."""

MOST_NAME = 128
"""Characters of a header's name that an attribute's name holds."""
DIGEST = 16

_OTHERS = re.compile(r"[^a-z0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAYS = kafka.PREFIX + "specversion"
_INTEGERS = {1: ">b", 2: ">h", 4: ">i", 8: ">q"}
"""Kafka's serializers of whole numbers, by their bytes."""
_FLOATS = {4: ">f", 8: ">d"}


class Conversion:
    """Of one source's records."""

    def __init__(self, source: KafkaSource) -> None:
        self._key_type = source.key_type
        self._sources = {topic: source_of(source.metadata.name, topic) for topic in source.topics}

    def event(self, record: Record) -> Event | str:
        """The event of a record; or, where it says that it is one and is none, every fault."""
        if is_event(record):
            try:
                event = kafka.read(record.headers, record.value)
            except InvalidEvent as invalid:
                return str(invalid)
            return self._placed(event, record)
        return self._plain(record)

    def _placed(self, event: Event, record: Record) -> Event:
        """An event as it came, and where it lay."""
        attributes = {**event.attributes, PARTITION: str(record.partition), OFFSET: str(record.offset)}
        if record.key and kafka.PARTITION_KEY not in attributes:
            attributes[kafka.PARTITION_KEY] = self._key(record.key)[0]
        if PARTITION in event.attributes:  # as it has if it comes back to where it was read, and then without end
            attributes[HOPS] = str(max(0, hops(event) - 1))
        return Event(attributes, event.data, event.headers)

    def _plain(self, record: Record) -> Event:
        attributes = {
            "specversion": SPEC_VERSION,
            "id": f"partition:{record.partition}/offset:{record.offset}",
            "source": self._sources[record.topic],
            "type": TYPE,
            "subject": f"partition:{record.partition}#{record.offset}",
        }
        if time := time_of(record.timestamp):
            attributes["time"] = time
        encoded = []
        if record.key is not None:
            text, whole = self._key(record.key)
            attributes["key"] = text
            if text:
                attributes[kafka.PARTITION_KEY] = text
            encoded += [] if whole else ["key", kafka.PARTITION_KEY]
        if record.headers:
            encoded += _add_headers(attributes, record.headers)
        if encoded:
            attributes[ENCODED] = ",".join(encoded)
        return Event(attributes, record.value)

    def _key(self, key: bytes) -> tuple[str, bool]:
        """A key as text, and whether that is what its type asks for."""
        return key_text(key, self._key_type)


def source_of(name: NamespacedName, topic: str) -> str:
    """The `source` of a topic's events."""
    return f"/apis/v1/namespaces/{name.namespace}/kafkasources/{name.name}#{topic}"


def is_event(record: Record) -> bool:
    """Whether a record says that it is a CloudEvent, in binary or structured mode."""
    for name, content in record.headers:
        if name == _SAYS:
            return True
        if name == kafka.CONTENT_TYPE and content[: len(kafka.FAMILY)].lower() == kafka.FAMILY:
            return True
    return False


@lru_cache(maxsize=64)  # records that lie beside each other often came at the same time
def time_of(timestamp: float) -> str | None:
    """A record's timestamp (seconds since the epoch) in RFC 3339; None where there is none, or no such year."""
    if timestamp < 0:
        return None
    seconds, thousandths = divmod(round(timestamp * 1000), 1000)
    second = _second(seconds)
    return f"{second}.{thousandths:03d}Z" if second else None


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """Empty where there is no such year."""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds").removesuffix("+00:00")
    except OverflowError:
        return ""


def key_text(key: bytes, kind: KeyType) -> tuple[str, bool]:
    """A key as an attribute's value, and whether it is of this type; Base64 where it is not."""
    match kind:
        case KeyType.STRING:
            return _text(key)
        case KeyType.INT | KeyType.FLOAT:
            form = (_INTEGERS if kind is KeyType.INT else _FLOATS).get(len(key))
            if form is not None:
                return str(struct.unpack(form, key)[0]), True
    return base64.b64encode(key).decode(), kind is KeyType.BYTE_ARRAY


def _text(content: bytes) -> tuple[str, bool]:
    """Bytes as an attribute's value, and whether it says what they say; else it is their Base64."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        pass
    else:
        if is_text(text):
            return text, True
    return base64.b64encode(content).decode(), False


def _add_headers(attributes: dict[str, str], headers: Sequence[tuple[str, bytes]]) -> list[str]:
    """Add a record's headers; which of them are Base64."""
    encoded: dict[str, None] = {}
    for header, content in headers:
        text, whole = _text(content)
        if whole and header.lower() == kafka.CONTENT_TYPE and is_media_type(text):
            attributes["datacontenttype"] = text
            continue
        name = header_name(header)
        attributes[name] = text
        encoded.pop(name, None)
        if not whole:
            encoded[name] = None
    return list(encoded)


def header_name(header: str) -> str:
    """The attribute that holds a header."""
    name = _OTHERS.sub("", header.lower())
    if len(name) > MOST_NAME:
        name = name[:MOST_NAME] + hashlib.sha256(header.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST]
    return HEADER + name

"""Appends records as only a C client can: with header names that are not UTF-8, which Python's client refuses."""

import ctypes
from pathlib import Path

import confluent_kafka

PRODUCER, TOPIC, VALUE, MSGFLAGS, HEADER, COPY = 0, 1, 4, 7, 9, 2  # rdkafka.h


class _Bytes(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_char_p), ("size", ctypes.c_ssize_t))


class _Content(ctypes.Union):
    _fields_ = (
        ("text", ctypes.c_char_p),
        ("number", ctypes.c_int),
        ("memory", _Bytes),
        ("header", _Header),
        ("padding", ctypes.c_char * 64),
    )


class _Argument(ctypes.Structure):
    """rd_kafka_vu_t"""

    _fields_ = (("kind", ctypes.c_int), ("content", _Content))


def append(bootstrap: str, topic: str, value: bytes, header: tuple[bytes, bytes]) -> None:
    """Append one record, through the librdkafka that the client's wheel carries."""
    site = Path(confluent_kafka.__file__).parent.parent
    found = [*site.glob("confluent_kafka.libs/librdkafka*"), *site.glob("confluent_kafka/.dylibs/librdkafka*")]
    library = ctypes.CDLL(str(found[0]))
    library.rd_kafka_conf_new.restype = library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_produceva.restype = ctypes.c_void_p
    why = ctypes.create_string_buffer(512)
    config = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(config, b"bootstrap.servers", bootstrap.encode(), why, 512)
    producer = ctypes.c_void_p(library.rd_kafka_new(PRODUCER, config, why, 512))
    contents = (
        _Argument(TOPIC, _Content(text=topic.encode())),
        _Argument(VALUE, _Content(memory=_Bytes(value, len(value)))),
        _Argument(MSGFLAGS, _Content(number=COPY)),
        _Argument(HEADER, _Content(header=_Header(header[0], header[1], len(header[1])))),
    )
    assert not library.rd_kafka_produceva(producer, (_Argument * 4)(*contents), 4)
    assert library.rd_kafka_flush(producer, 10_000) == 0
    library.rd_kafka_destroy(producer)

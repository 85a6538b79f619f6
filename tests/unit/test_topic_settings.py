"""Which values of Kafka's topic settings are refused before Kafka would."""

import pytest

from tradewind.resources import topic_config
from tradewind.resources.topic_settings import NUMBERS, WORDS, expected


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("retention.ms", ["-1", "0", "9223372036854775807", "+5", " 7 "]),
        ("retention.bytes", ["-1", "-9223372036854775808"]),
        ("segment.bytes", ["1048576", "2147483647"]),
        ("min.insync.replicas", ["1", "2"]),
        ("cleanup.policy", ["delete", " delete "]),
        ("compression.type", ["zstd", "producer"]),
        ("compression.gzip.level", ["-1", "9"]),
        ("message.timestamp.type", ["LogAppendTime"]),
        ("preallocate", ["true", "FALSE", " False "]),
        ("a.setting.of.tomorrow", ["abc", ""]),
    ],
)
def test_what_kafka_takes_is_taken(name: str, texts: list[str]) -> None:
    assert [text for text in texts if expected(name, text) is not None] == []


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("retention.ms", "abc", "a whole number from -1 to 9223372036854775807"),
        ("retention.ms", "-2", "a whole number from -1 to 9223372036854775807"),
        ("retention.ms", "9223372036854775808", "a whole number from -1"),
        ("retention.ms", "1" * 5000, "a whole number from -1"),
        ("retention.ms", "1.5", "a whole number from -1"),
        ("retention.ms", "1_000", "a whole number from -1"),
        ("retention.ms", "٥", "a whole number from -1"),
        ("segment.bytes", "1048575", "a whole number from 1048576 to 2147483647"),
        ("min.insync.replicas", "0", "a whole number from 1 to 2147483647"),
        ("cleanup.policy", "compact", "delete: compaction drops events without data"),
        ("cleanup.policy", "compact,delete", "delete: compaction drops events without data"),
        ("compression.type", "GZIP", "one of gzip, lz4, producer, snappy, uncompressed, zstd"),
        ("compression.gzip.level", "0", "one of -1, 1, 2"),
        ("message.timestamp.type", "createtime", "one of CreateTime, LogAppendTime"),
        ("preallocate", "yes", "true or false"),
    ],
)
def test_what_kafka_would_refuse_is_refused(name: str, text: str, words: str) -> None:
    assert (expected(name, text) or "").startswith(words)


def test_no_setting_is_both_a_number_and_a_word() -> None:
    assert not NUMBERS.keys() & WORDS.keys()


def test_a_setting_that_is_wrong_or_blank_counts_as_not_said() -> None:
    data = {
        "default.topic.config.retention.ms": "abc",
        "default.topic.config.segment.ms": " ",
        "default.topic.config.flush.ms": "5",
        "default.topic.config.unknown": "",
    }
    said, faults = topic_config.read(data, "c.yaml: ")
    assert said.config == {"flush.ms": "5", "unknown": ""}
    assert [str(fault) for fault in faults] == [
        'c.yaml: data.default.topic.config.retention.ms: found "abc", '
        "expected a whole number from -1 to 9223372036854775807"
    ]

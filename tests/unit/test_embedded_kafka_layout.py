"""What may be done with a data folder."""

import pytest

from tradewind.adapters.embedded_kafka.layout import (
    Format,
    Found,
    Refuse,
    Use,
    aside,
    judge,
    last_words,
    port_was_taken,
    usable,
)

SOUND = "#\n#Wed Nov 25\ncluster.id=abc\ndirectory.id=def\nnode.id=1\nversion=1\n"
FORMATTED = ("meta.properties", "bootstrap.checkpoint")
RAN = ("meta.properties", "__cluster_metadata-0", "orders-0")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Found(data=None, meta=None, version=None), Format()),
        (Found(data=(), meta=None, version=None), Format()),
        (Found(data=None, meta=None, version="4.4.0\n"), Format()),
        (Found(data=FORMATTED, meta=SOUND, version=None), Use()),
        (Found(data=RAN, meta=SOUND, version="4.4.0\n"), Use()),
        (Found(data=RAN, meta=SOUND, version="4.3.12\n"), Use()),
        (Found(data=RAN, meta=SOUND, version="3.9\n"), Use()),
    ],
)
def test_an_empty_folder_is_formatted_and_a_sound_one_is_used(found: Found, expected: Format | Use) -> None:
    assert judge(found, "4.4.0") == expected


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found(data=RAN, meta=SOUND, version="4.10.0\n"), ["4.10.0", "older Kafka 4.4.0"]),
        (Found(data=RAN, meta=SOUND, version="\0garbage"), ["kafka.version", "garbage", "4.4.0"]),
        (Found(data=RAN, meta=SOUND, version=""), ["kafka.version", "''"]),
        (Found(data=("__cluster_metadata-0",), meta=None, version=None), ["__cluster_metadata-0", "meta.properties"]),
        (Found(data=("holiday.jpg",), meta=None, version=None), ["holiday.jpg", "Kafka has formatted"]),
        (Found(data=RAN, meta="\0\0\0", version=None), ["version", "node.id", "cluster.id", "directory.id", "nothing"]),
        (Found(data=RAN, meta=SOUND.replace("node.id=1", "node.id=2"), version=None), ["node.id: found '2'"]),
        (Found(data=RAN, meta=SOUND.replace("version=1", "version=0"), version=None), ["version: found '0'"]),
        (Found(data=RAN, meta=SOUND.replace("=abc", "="), version=None), ["cluster.id: found '', expected an id"]),
    ],
)
def test_what_may_hold_events_is_never_formatted(found: Found, words: list[str]) -> None:
    verdict = judge(found, "4.4.0")
    assert isinstance(verdict, Refuse)
    assert [word for word in words if word not in verdict.why] == []


def test_a_cluster_id_does_not_read_as_an_option() -> None:
    assert not usable("-FbxYt4PTumR6SwpXRhmZg")
    assert usable("FbxYt4PTumR6Swp-XRhmZg")


def test_what_is_moved_aside_takes_the_first_free_name() -> None:
    assert aside("data", ["data", "lock"]) == "data.old-1"
    assert aside("data", ["data", "data.old-1", "data.old-2", "data.old-4"]) == "data.old-3"


def test_the_last_words_are_the_first_errors() -> None:
    log = [
        "2026-11-25 INFO  fine (KafkaServer)",
        "2026-11-25 ERROR cannot bind (SocketServer)",
        "java.net.BindException: Address already in use",
        "\tat org.apache.kafka.common.Error(…)",
        "Caused by: java.lang.Error: deeper",
        "2026-11-25 INFO  shutting down (KafkaServer)",
        "java.net.BindException: Address already in use",
    ]
    assert last_words(log) == "\n".join((log[1], log[2], log[4]))
    assert last_words(log, 1) == log[1]
    assert last_words([log[0], "", log[5]]) == "\n".join((log[0], log[5]))
    assert last_words(["Error: Could not create the Java Virtual Machine."]) == (
        "Error: Could not create the Java Virtual Machine."
    )
    assert last_words([]) == "nothing was logged"
    assert port_was_taken(last_words(log))
    assert not port_was_taken(last_words(log[:2]))

"""What is said of Kafka's topic settings is true of a real Kafka: each bound and each word is asked."""

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tradewind.resources.topic_settings import NUMBERS, SWITCHES, WORDS

pytestmark = pytest.mark.kafka


class Asked:
    """A Kafka that is asked whether it would make a topic."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def takes(self, name: str, value: str) -> bool:
        """Whether it takes this value."""
        topic = NewTopic("settings.asked", 1, 1, config={name: value})
        try:
            self._admin.create_topics([topic], validate_only=True)[topic.topic].result(10)
        except KafkaException as error:
            assert f"value {value} for configuration {name}" in str(error)  # it is the value, and nothing else
            return False
        return True


@pytest.fixture
def asked(kafka: str) -> Asked:
    return Asked(kafka)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_bounds_of_numbers_are_kafkas(asked: Asked, name: str) -> None:
    least, most = NUMBERS[name]
    assert [asked.takes(name, str(number)) for number in (least - 1, least, most, most + 1)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("name", WORDS)
def test_words_are_kafkas(asked: Asked, name: str) -> None:
    assert [word for word in WORDS[name] if not asked.takes(name, word)] == []
    assert not asked.takes(name, "0")


@pytest.mark.parametrize("name", sorted(SWITCHES))
def test_switches_are_kafkas(asked: Asked, name: str) -> None:
    assert asked.takes(name, "False")
    assert not asked.takes(name, "yes")


def test_blanks_around_a_value_do_not_count(asked: Asked) -> None:
    for name, value in (("retention.ms", " +5 "), ("compression.type", " gzip "), ("preallocate", " true ")):
        assert asked.takes(name, value)

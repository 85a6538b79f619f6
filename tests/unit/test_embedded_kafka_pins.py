"""The pinned jars."""

import re

from tradewind.adapters.embedded_kafka.jars import pins
from tradewind.adapters.embedded_kafka.pins import Jar, parse, unlike, written

ONE = Jar("org.apache.kafka", "kafka_2.13", "4.4.0", 7, "ab" * 32)
TWO = Jar("org.slf4j", "slf4j-api", "1.7.36", 8, "cd" * 32)


def test_what_is_written_is_read() -> None:
    text = written("4.4.0", [TWO, ONE])
    assert (
        text
        == f"kafka 4.4.0\norg.apache.kafka:kafka_2.13:4.4.0 7 {'ab' * 32}\norg.slf4j:slf4j-api:1.7.36 8 {'cd' * 32}\n"
    )
    assert parse(text).jars == (ONE, TWO)
    assert parse(text).size == 15


def test_a_folder_lacks_what_is_missing_or_cut() -> None:
    assert ONE.name == "kafka_2.13-4.4.0.jar"
    assert unlike((ONE, TWO), {ONE.name: 7, TWO.name: 8, "other.jar": 1}) == ()
    assert unlike((ONE, TWO), {ONE.name: 6}) == (ONE, TWO)


def test_the_shipped_pins_hold_kafka_and_a_binding_for_its_slf4j() -> None:
    jars = {jar.artifact: jar for jar in pins().jars}
    assert jars["kafka_2.13"].version == pins().version
    assert jars["slf4j-api"].version.startswith("1.")
    assert jars["log4j-slf4j-impl"].version == jars["log4j-core"].version
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in pins().jars)

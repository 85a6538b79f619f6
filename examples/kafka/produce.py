"""Append a record to the topic `orders`, which is made if it is not there: python produce.py KEY VALUE

It is JSON, and its header says so.  `pip install tradewind` has brought the client.
"""

import sys

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

KAFKA: dict[str, str | int | float | bool] = {"bootstrap.servers": "127.0.0.1:9092"}
TOPIC = "orders"


def main(key: str, value: str) -> None:
    """Make the topic, and append one record."""
    admin = AdminClient(KAFKA)
    if TOPIC not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic(TOPIC, num_partitions=3)])[TOPIC].result()
    producer = Producer(KAFKA)
    producer.produce(TOPIC, value, key, headers={"content-type": "application/json"})
    if producer.flush(10):
        sys.exit("nothing was appended: is Kafka there?")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The log on Apache Kafka: the only package that imports `confluent_kafka`, through which it reads and administers.

log.KafkaLog ──► produce    one idempotent producer, our own
             ──► reader     partitions that are assigned     ┐ source: a consumer, driven by one thread of its own
             ──► member     partitions that a group assigns  ┘
             ──► admin      topics, bounds, group offsets, through askers
  login        how each of them is let in: tls, tokens (oidc ◇ what is asked of their endpoint)
  connection   what every client of the process is told    verdicts   what Kafka's error codes mean for us
"""

from tradewind.adapters.kafka_log.log import KafkaLog

__all__ = ["KafkaLog"]

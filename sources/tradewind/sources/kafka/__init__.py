"""KafkaSource: an event for each record of some topics, of any Kafka."""

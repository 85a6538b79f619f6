"""The dispatcher process: Kafka in, HTTP out."""

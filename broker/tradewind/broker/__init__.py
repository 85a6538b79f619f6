"""The ingress process: HTTP in, Kafka out."""

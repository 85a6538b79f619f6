"""What Kafka's error codes mean: try again later, or never."""

from confluent_kafka import KafkaError, KafkaException

from tradewind.errors import LogRefused, LogUnavailable, TopicMissing

NEVER = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError._INVALID_ARG,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_REQUEST,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_DELETION_DISABLED,
    }
)

UNKNOWN_TOPIC = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
"""The topic or the partition is not there; it may still come."""

GONE = frozenset({KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET})
"""A position lies outside the log."""

DENIED = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})
"""Kafka does not let us in, or is not trusted."""

FENCED = frozenset({KafkaError._FATAL, KafkaError._FENCED, KafkaError.FENCED_INSTANCE_ID})
"""This client is of no more use.  For a consumer librdkafka says `_FATAL`, and False when asked whether it is fatal."""


def is_fatal(error: KafkaError) -> bool:
    """Whether the client that said this must be made anew."""
    return error.fatal() or error.code() in FENCED


def log_error(what: str, error: KafkaError | int) -> LogRefused | LogUnavailable:
    """The error to raise for `what` (`topic orders`), by what Kafka said, or by the code it said."""
    if isinstance(error, int):
        error = KafkaError(error)
    text = f"{what}: {error.str()} ({error.name()})"
    if error.code() in UNKNOWN_TOPIC:
        return TopicMissing(text)
    return LogRefused(text) if error.code() in NEVER else LogUnavailable(text)


def kafka_error(error: BaseException) -> KafkaError:
    """What Kafka said, out of what the client library raised."""
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return error.args[0]
    return KafkaError(KafkaError._INVALID_ARG, str(error))

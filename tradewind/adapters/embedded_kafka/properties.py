"""What Kafka is told: its properties, its log4j configuration and its command line.  Pure text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

HOST = "127.0.0.1"
"""Everything listens on loopback: the embedded Kafka has no authentication."""
NODE = 1
HEADROOM = 64 * 1024
"""Bytes a record may be longer than the largest event: dead letters carry their reason (DESIGN §5)."""
SMALLEST_LIMIT = 2 * 1024 * 1024
WAITING = 48 * 1024 * 1024
"""Bytes of requests that may wait in the heap; Kafka's own bound is 500 requests, which may be twice our heap."""

PROTOCOLS = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"

ALWAYS = {
    "process.roles": "broker,controller",
    "node.id": str(NODE),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # Topics are made by who knows their settings, never by a typing error.
    "auto.create.topics.enable": "false",
    # One node: there is nobody to hold a second copy.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Fifty partitions each are for clusters; here they are files to open at every start.
    "offsets.topic.num.partitions": "5",
    "transaction.state.log.num.partitions": "5",
    "share.coordinator.state.topic.num.partitions": "5",
    # A group of one need not wait three seconds for others.
    "group.initial.rebalance.delay.ms": "0",
    # After kill -9 a new Kafka waits until the session of the old one is over.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # What a power cut can cost.  The interval alone does nothing: the scheduler that looks at it never runs by
    # default, and first waits half a minute.
    "log.flush.interval.ms": "1000",
    "log.flush.scheduler.interval.ms": "1000",
    "log.initial.task.delay.ms": "1000",
    # The cleaner's default buffer of 128 MiB is half of our heap; ours are small compacted topics.
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
    "num.network.threads": "2",
    "num.io.threads": "4",
}

SMALL_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Starts quickly and stays small: 170 MB resident."""
FAST_JVM = ("-Xmx1g", "-XX:+UseG1GC")
"""The ordinary JIT, for benchmarks: slower to start, faster in the long run."""
EVERY_JVM = (
    "-XX:+ExitOnOutOfMemoryError",  # a Kafka without memory is to be restarted, not to limp
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
)

RECORD = 'echo $$ >"$0" && output=$1 && shift && exec "$@" </dev/null >>"$output" 2>&1'


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One more way in, beside the plain one: for tests of how clients are let in."""

    name: str
    """Upper case, as Kafka's listeners are named."""
    protocol: str
    """Kafka's `security.protocol`."""
    port: int
    properties: Mapping[str, str] = field(default_factory=dict)
    """What holds for it alone, by the names that Kafka has for a listener's properties (`ssl.keystore.key`)."""


def record_limit(max_event_bytes: int) -> int:
    """`message.max.bytes` for events of up to this many bytes."""
    return max(SMALLEST_LIMIT, max_event_bytes + HEADROOM)


def server_properties(
    *, log_dir: PurePath, port: int, controller_port: int, max_event_bytes: int, listeners: Sequence[Listener] = ()
) -> str:
    """The text of `server.properties`."""
    more = "".join(f",{each.name}://{HOST}:{each.port}" for each in listeners)
    protocols = [PROTOCOLS, *(f"{each.name}:{each.protocol}" for each in listeners)]
    limit = record_limit(max_event_bytes)
    waiting = str(max(WAITING, 2 * limit))
    values = {
        **ALWAYS,
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}{more}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}{more}",
        "listener.security.protocol.map": ",".join(protocols),
        # A static voter: unlike bootstrap servers it is not kept on disk, so the port may change between runs.
        "controller.quorum.voters": f"{NODE}@{HOST}:{controller_port}",
        "log.dirs": str(log_dir),
        "message.max.bytes": str(limit),
        "queued.max.request.bytes": waiting,
        "socket.request.max.bytes": waiting,  # Kafka asks that one request may not be more than what may wait
    }
    for each in listeners:
        values |= {f"listener.name.{each.name.lower()}.{name}": text for name, text in each.properties.items()}
    return "".join(f"{name}={_escaped(value)}\n" for name, value in values.items())


def log4j_properties(kafka_log: PurePath) -> str:
    """The text of `log4j2.properties`: everything worth reading goes to kafka.log, at most 3 files of 10 MB."""
    return "\n".join(
        [
            "status = error",
            "appender.file.type = RollingFile",
            "appender.file.name = file",
            f"appender.file.fileName = {_escaped(str(kafka_log))}",
            f"appender.file.filePattern = {_escaped(str(kafka_log))}.%i",
            "appender.file.layout.type = PatternLayout",
            "appender.file.layout.pattern = %d{ISO8601} %-5p %m (%c{1})%n",
            "appender.file.policies.type = SizeBasedTriggeringPolicy",
            "appender.file.policies.size = 10MB",
            "appender.file.strategy.type = DefaultRolloverStrategy",
            "appender.file.strategy.max = 2",
            "rootLogger.level = info",
            "rootLogger.appenderRef.file.ref = file",
            # Their `info` is the whole configuration, some ten screens, at every start.
            *_level("org.apache.kafka.common.config.AbstractConfig", "warn"),
            *_level("kafka.server.KafkaConfig", "warn"),
            "",
        ]
    )


def java_command(
    java: PurePath, *, jars: PurePath, log4j: PurePath, scratch: PurePath, jvm: Sequence[str], main: Sequence[str]
) -> list[str]:
    """The command that runs a main class of Kafka's."""
    return [
        str(java),
        *jvm,
        *EVERY_JVM,
        f"-Djava.io.tmpdir={scratch}",  # native libraries are unpacked there, and left there by kill -9
        f"-Dlog4j2.configurationFile={log4j}",
        "-cp",
        f"{jars}/*",
        *main,
    ]


def recorded(command: Sequence[str], *, pid_file: PurePath, output: PurePath) -> list[str]:
    """The command that writes its pid to a file and then becomes `command`, so that no moment lies between the two.

    What the JVM itself has to say, when Kafka can no longer log, is appended to `output`.
    """
    return ["/bin/sh", "-c", RECORD, str(pid_file), str(output), *command]


def _level(logger: str, level: str) -> tuple[str, str]:
    key = logger.rsplit(".", 1)[1].lower()
    return f"logger.{key}.name = {logger}", f"logger.{key}.level = {level}"


def _escaped(value: str) -> str:
    """As a value of Java's properties: a backslash starts an escape, a leading blank would be lost, and what is not
    ASCII is read as Latin-1."""
    text = value.replace("\\", "\\\\").replace("\n", "\\n").replace(" ", "\\ ")
    return "".join(each if each.isascii() else _units(each) for each in text)


def _units(character: str) -> str:
    coded = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{coded[at]:02x}{coded[at + 1]:02x}" for at in range(0, len(coded), 2))

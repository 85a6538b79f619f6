"""A real Apache Kafka (KRaft, one node) on loopback, for laptops and tests.

prepare(Request(data=…), progress) → Prepared       blocking: lock, ports, jars, format (preparation.py)
Prepared.command                                    what a supervisor runs; it becomes the JVM
answers(port), died_early(prepared, status)         is it ready, and if it ended: why (server.py)
EmbeddedKafka(prepared)                             an owner of the process, where there is no supervisor
free_bytes(folder)                                  for the ingress, which stops taking events in time
"""

from tradewind.adapters.embedded_kafka.folder import data_folder, free_bytes
from tradewind.adapters.embedded_kafka.jars import Progress, fetched
from tradewind.adapters.embedded_kafka.ports import Wanted, free_ports, require_different, require_free
from tradewind.adapters.embedded_kafka.preparation import Prepared, Request, prepare
from tradewind.adapters.embedded_kafka.properties import FAST_JVM, SMALL_JVM, Listener
from tradewind.adapters.embedded_kafka.server import EmbeddedKafka, answers, died_early

__all__ = [
    "FAST_JVM",
    "SMALL_JVM",
    "EmbeddedKafka",
    "Listener",
    "Prepared",
    "Progress",
    "Request",
    "Wanted",
    "answers",
    "data_folder",
    "died_early",
    "fetched",
    "free_bytes",
    "free_ports",
    "prepare",
    "require_different",
    "require_free",
]

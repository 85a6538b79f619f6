"""The only place that builds adapters: settings in, a running process out.

    running         run(process, settings): logs, uvloop, signals → stop · once(settings, work): one thing with the log
    declared        resources as they change → Plans, from a folder or a cluster
    doors           what several processes have
    data_plane      ingress, dispatcher, sources
    control_plane   controller, webhook

What is imported where it is used costs a process nothing that it does not need: starting counts.
"""

from tradewind.runtime.control_plane import controller, webhook
from tradewind.runtime.data_plane import COMMANDS, WORKER, dispatcher, ingress, sources
from tradewind.runtime.declared import SUPERVISED, installed, manifests, orphans, planned, require_manifests, store
from tradewind.runtime.doors import http_sender, kafka_auth, require_port
from tradewind.runtime.running import at_api_server, once, run, stopping

__all__ = [
    "COMMANDS",
    "SUPERVISED",
    "WORKER",
    "at_api_server",
    "controller",
    "dispatcher",
    "http_sender",
    "ingress",
    "installed",
    "kafka_auth",
    "manifests",
    "once",
    "orphans",
    "planned",
    "require_manifests",
    "require_port",
    "run",
    "sources",
    "stopping",
    "store",
    "webhook",
]

"""Whether anything listens at an address: asked before a client library that only goes on trying."""

import asyncio
import os
import socket

ANSWER = 3.0
"""Seconds that an address has for an answer; in a network that is well a connection takes a few milliseconds."""


async def unanswered(addresses: str) -> dict[str, str]:
    """Why nothing answers, by address (`host:port`, several with commas); empty as soon as one of them does."""
    named = addresses.split(",")
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_refusal(address)) for address in named]
    why = {address: task.result() for address, task in zip(named, asked, strict=True)}
    return why if all(why.values()) else {}


async def _refusal(address: str) -> str:
    """Why no connection comes about; empty where one does."""
    host, _, port = address.rpartition(":")
    loop, why = asyncio.get_running_loop(), ""
    try:
        async with asyncio.timeout(ANSWER):
            found = await loop.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
            for family, kind, protocol, _, where in found:
                try:
                    with socket.socket(family, kind, protocol) as probe:
                        probe.setblocking(False)
                        await loop.sock_connect(probe, where)
                        return ""
                except OSError as error:
                    why = os.strerror(error.errno or 0)
            return why
    except socket.gaierror as error:
        return error.strerror or str(error)
    except UnicodeError:  # what Python says of a label that is empty or too long
        return "not the name of a host"
    except TimeoutError:
        return f"no answer within {ANSWER:g} s"

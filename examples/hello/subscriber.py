"""A sample subscriber: prints each CloudEvent it gets, and answers a greeting with an event of its own.

    python subscriber.py --port 8081

A subscriber is an HTTP server, nothing more, so this one needs only Python.  Events arrive in binary mode: attributes
as `ce-` headers, data as the body.  Any 2xx means "I have it"; a CloudEvent in the answer is a reply, which goes back
into the Broker.
"""

import argparse
import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

GREETING = "com.example.greeting"
REPLY = "com.example.greeting.reply"


class Subscriber(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"  # keeps the connection open for the next event
    disable_nagle_algorithm = True  # head and body of an answer leave as they are written

    def do_POST(self) -> None:
        """An event."""
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        attributes = {
            name.lower().removeprefix("ce-"): unquote(value)
            for name, value in self.headers.items()
            if name.lower().startswith("ce-")
        }
        show(self.path, attributes, self.headers.get("content-type", ""), data)
        if attributes.get("type") == GREETING:
            self.reply()
        else:
            self.answer(202)

    def do_GET(self) -> None:
        """Whoever asks whether this server is there."""
        self.answer(200)

    def reply(self) -> None:
        """Answer with a CloudEvent in binary mode.  The same greeting always gets the same id: it may come twice."""
        body = json.dumps({"message": "hello to you, too"}).encode()
        headers = {
            "ce-specversion": "1.0",
            "ce-id": f"reply-to-{self.headers['ce-id']}",
            "ce-source": "/event-display",
            "ce-type": REPLY,
            "content-type": "application/json",
        }
        self.answer(200, headers, body)

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the events are printed already."""


class Server(ThreadingHTTPServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = 128  # a hundred deliveries may arrive at once


def show(path: str, attributes: dict[str, str], content_type: str, data: bytes) -> None:
    """Print an event: its type and where it came, then its attributes, then its data.

    In one write, its last line's end included: other connections' threads print, too.
    """
    lines = [f"{attributes.get('type', 'no CloudEvent')} at {path}"]
    lines += [f"  {name}: {value}" for name, value in sorted(attributes.items()) if name != "type"]
    lines += [f"  {content_type or 'data'}: {data.decode(errors='replace')}"] if data else []
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(description="Print each CloudEvent; answer greetings.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8081, help="port to listen on (default: %(default)s)")
    where = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with Server((where.host, where.port), Subscriber) as server:
        print(f"subscriber listens on http://{where.host}:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

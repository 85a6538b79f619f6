"""HTTP out (DESIGN §5, Delivery HTTP): two ways behind one door.

    sender.py      HttpSender: which way a request goes
    requests.py    what is plain, and its bytes
    plain.py       plain requests, on a client of our own: host.py keeps connections, connection.py does one exchange
    general.py     everything else (https, odd URLs and header fields), on aiohttp

What both do is one contract (`tests/shell/test_http_sender.py`), down to the bytes of a request.
"""

from tradewind.adapters.http_sender.sender import HttpSender

__all__ = ["HttpSender"]

"""A subscriber that writes down each delivery before it answers: `python recording_subscriber.py PORT FILE`.

It may be killed at any moment: what it has answered is in the file.  A request in seven is refused with 503 first.
"""

import asyncio
import os
import sys
from pathlib import Path

from aiohttp import web

REFUSED = 7


def recording(file: int) -> web.Application:
    """An application that appends `path id status` to this file."""
    count = 0

    async def take(request: web.Request) -> web.Response:
        nonlocal count
        await request.read()
        count += 1
        status = 503 if count % REFUSED == 0 else 204
        line = f"{request.match_info['name']} {request.headers['ce-id']} {status}\n"
        os.write(file, line.encode())
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/{name}", take)
    return app


async def serve(port: int, path: Path) -> None:
    """Until killed."""
    file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    runner = web.AppRunner(recording(file), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))

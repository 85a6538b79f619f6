"""GETs a URL that somebody else named, and that was judged before: https, no redirect, bounded in size and time."""

import aiohttp

MAX_BYTES = 64 * 1024
"""Of an answer: a certificate is 2 KiB."""

SECONDS = 5.0
"""For the whole exchange."""


async def get(url: str) -> bytes | str:
    """The body of a 200; else why there is none.  Never raises for what the other side does."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True, auto_decompress=False) as session,
            session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status != 200:
                return f"it answers {answer.status}"
            body = await answer.content.read(MAX_BYTES + 1)
            while len(body) <= MAX_BYTES and (more := await answer.content.read(MAX_BYTES + 1)):
                body += more
            return body if len(body) <= MAX_BYTES else f"it is more than {MAX_BYTES} bytes"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return str(error) or type(error).__name__

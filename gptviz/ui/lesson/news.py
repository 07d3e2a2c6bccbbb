"""News of a room for a page that waits for them: one request that is answered when there are some, or after a while without.

An answer is one number and says nothing about the room; a page that gets another one than it had asks for itself again. So thirty
pages that wait cost nothing, and a step is on its way to all of them at once.
"""

import asyncio
import threading

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ...classroom import Away
from ..seats import ROOMS

WAIT = 15.0  # seconds until an answer without news
CALM = 0.4  # seconds for which a desk's news are gathered: thirty votes are not thirty answers

_waiting: set[asyncio.Event] = set()
_stopping = threading.Event()


def path() -> str:
    """Where a page asks."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/room/news" if base else "/room/news"


async def news(request: Request) -> Response:
    """The newest number for the seat of this key, once it is another than the one the page has. Rooms may be on their way from
    elsewhere, so they are asked in a thread; while they cannot be reached the page has to ask again later."""
    key, had = request.headers.get("x-seat", "")[:64], request.query_params.get("after", "")
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    stop = ROOMS.listen(key, lambda: loop.call_soon_threadsafe(woken.set))
    _waiting.add(woken)
    try:
        if _stopping.is_set():
            raise Away("This server stops.")
        if str(await asyncio.to_thread(ROOMS.heard, key)) == had:
            try:
                await asyncio.wait_for(woken.wait(), WAIT)
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(CALM if request.query_params.get("calm") == "1" else 0)
        number = await asyncio.to_thread(ROOMS.heard, key)
    except Away as error:
        return PlainTextResponse(str(error), 503, headers={"Cache-Control": "no-store"})
    finally:
        stop()
        _waiting.discard(woken)
    return JSONResponse({"number": number}, headers={"Cache-Control": "no-store"})


def end() -> None:
    """The server stops: it would wait for who waits here. They ask again, and another process answers or this one started anew."""
    _stopping.set()
    for woken in _waiting:
        woken.set()


def routes() -> list[Route]:
    """What the server answers beside its pages."""
    return [Route(path(), news)]

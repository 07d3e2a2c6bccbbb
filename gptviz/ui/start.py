"""What happens once, before the first reader: everything is imported, the first model is loaded, and the collector of garbage is
told to leave all of that alone.

Modules that several readers' runs import at the same moment wait for each other, in the worst case for ever. And Streamlit collects
garbage after every run, which takes a fifth of a second when it walks through all of torch; frozen, what exists now is passed over.
That is done here and never again: frozen later, what readers leave behind would stay for good.
"""

import asyncio
import ctypes
import gc
import importlib
import pkgutil
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from types import FrameType

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import streamlit as st
import torch
from streamlit import config
from streamlit.web.server import server_util

import gptviz

from .. import trace
from ..classroom import Away
from ..figures import style
from . import cache, seats, state
from .lesson import news

TRACES = ("bar", "heatmap", "scatter", "scatter3d", "table", "treemap")  # what the figures are made of
INSIDE = (  # parts of Streamlit that it imports when they are first used
    "streamlit.dataframe.lazy_df_adapters",
    "streamlit.runtime.scriptrunner.magic_funcs",
    "streamlit.web.skills",
)
ELSEWHERE = ("__main__", "gptviz.widget")  # what runs without a page
TIDY = 5.0  # seconds between two looks for what nobody uses any more


def modules() -> Iterator[str]:
    """Every module of gptviz that a page can need, and the parts of libraries that would be imported in the midst of a reader's run."""
    yield from (one.name for one in pkgutil.walk_packages(gptviz.__path__, "gptviz.") if not one.name.endswith(ELSEWHERE))
    for kind in ("layout", *TRACES):
        yield f"plotly.graph_objs._{kind}"
        package = importlib.import_module(f"plotly.graph_objs.{kind}")
        yield from (one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
    yield from INSIDE


def ready() -> None:
    """Import everything, load the model a reader meets first, and do once what pages do: a pass there and back, a chart, a table."""
    for name in modules():
        importlib.import_module(name)
    torch.set_num_threads(1)  # two threads a pass are slower on busy cores
    model = cache.model(state.Choice.model)
    trace.run(model, [0], grad=lambda made: made["logits"].sum())
    style.themed(
        go.Figure(go.Bar(x=np.ones(1), y=["one"], marker_color=style.PARTS["token"]), {"title": "one"}), "light"
    ).to_json()
    pa.Table.from_pandas(pd.DataFrame({"one": [1.0]}))
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """The life of the server: nobody is let in before everything is ready."""
    ready()
    print(f"  Rooms are {seats.ROOMS.store.said}.", flush=True)
    with suppress(Away):  # which is said in the log
        seats.ROOMS.heard("")
    threading.Thread(target=_tidy, name="gptviz-tidy", daemon=True).start()
    _stop_at_once()
    if not st.get_option("server.headless"):
        threading.Thread(target=webbrowser.open, args=(address(),), name="gptviz-browser", daemon=True).start()
    yield


def _stop_at_once() -> None:
    """A signal to stop lets go who waits for news, then does what it did."""
    loop = asyncio.get_running_loop()

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(news.end)
        before[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
        for one, does in before.items():
            if callable(does):
                signal.signal(one, told)


def address() -> str:
    """Where a browser on this machine finds the server: the address that was printed, or this machine for one that means all."""
    host = config.get_option("browser.serverAddress")
    if host == "localhost":
        host = server_util.get_display_address(config.get_option("server.address") or host)
    return server_util.get_url(host)


def _tidy() -> None:
    """Every now and then: what belonged to readers who are gone is let go, and given back to the system."""
    while True:
        time.sleep(TIDY)
        if cache.tidy():
            gc.collect()
            give_back()


def give_back() -> None:
    """Memory that was freed in small pieces goes back to the system, where the C library knows how (glibc). Large ones do so by
    themselves."""
    if sys.platform == "linux":
        with suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)

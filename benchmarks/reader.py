"""A reader without a browser: speaks to a running server as Streamlit's page does, for benchmarks and tests.

`Reader(port, "Dropout", "text=Hi")` opens a page; `go("stage=softmax")` follows a link within it and waits for the answer.
"""

import time
from collections import Counter
from contextlib import ExitStack

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect


class Failed(Exception):
    """The page showed an exception."""


class Reader:
    """One visit. seen: how many elements of each kind the last answer had; words: all that progress said meanwhile."""

    def __init__(
        self, port: int, page: str = "", query: str = "", host: str = "127.0.0.1", timeout: float = 60.0, cookie: str = ""
    ):
        self.page, self.timeout = page, timeout
        self.hash = ""
        self.seen: Counter[str] = Counter()
        self.words: list[str] = []
        self.html: list[str] = []
        self.query = query
        self.buttons: dict[str, str] = {}
        self.open = ExitStack()
        url = f"ws://{host}:{port}/_stcore/stream"
        told = {"Cookie": cookie} if cookie else {}
        line = connect(
            url,
            subprotocols=["streamlit"],
            max_size=None,
            ping_interval=None,
            open_timeout=timeout,
            additional_headers=told,
        )
        self.line = self.open.enter_context(line)
        self.joined = self.go(query)

    def ask(self, query: str, pressed: str = "") -> None:
        """Follow a link, without waiting for what comes. pressed: the button this reader pressed instead."""
        message = BackMsg()
        if pressed:
            message.rerun_script.widget_states.widgets.add(id=pressed, trigger_value=True)
        message.rerun_script.query_string = query
        message.rerun_script.page_script_hash = self.hash
        if not self.hash:
            message.rerun_script.page_name = self.page
        self.line.send(message.SerializeToString())

    def press(self, key: str) -> float:
        """Press the button of this key; seconds until the page is complete."""
        return self.go(self.query, self.buttons[key])

    def go(self, query: str, pressed: str = "") -> float:
        """Follow a link; seconds until the page is complete. Raises Failed for an exception, TimeoutError when nothing comes."""
        began = time.monotonic()
        self.ask(query, pressed)
        self.seen.clear()
        self.words, self.html = [], []
        while True:
            left = began + self.timeout - time.monotonic()
            message = ForwardMsg.FromString(self.line.recv(timeout=max(0.001, left)))
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.hash = message.new_session.page_script_hash
                self.seen.clear()
                self.html = []
                self.buttons = {}
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._element(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return time.monotonic() - began

    def _element(self, element) -> None:
        kind = element.WhichOneof("type")
        self.seen[kind] += 1
        if kind == "exception":
            raise Failed(f"{element.exception.type}: {element.exception.message}")
        if kind == "progress":
            self.words.append(element.progress.text)
        elif kind == "button":
            self.buttons[element.button.id.split("-", 2)[-1]] = element.button.id
        elif kind == "html":
            self.html.append(element.html.body)

    def leave(self) -> None:
        """Close the tab."""
        self.open.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

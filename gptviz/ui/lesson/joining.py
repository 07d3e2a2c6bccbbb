"""How a class gets in: the address, the word, and both as a QR code."""

import socket
from functools import cache
from ipaddress import ip_address
from urllib.parse import quote, urlsplit, urlunsplit

import segno
import streamlit as st

from ... import verbatim
from ...verbatim import Html


@cache
def outward() -> str:
    """The address other machines find this one by; "" where there is no network. Nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            return probe.getsockname()[0]
        except OSError:
            return ""


def local(host: str) -> bool:
    """Whether a host means the machine that asks."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def base() -> tuple[str, bool]:
    """The address a class opens, and whether other machines can. A page opened on the server's own machine calls it by a name that
    means nothing elsewhere; then it is the machine's own number."""
    parts = urlsplit(st.context.url or "http://localhost:8501")
    host, reached = parts.netloc, True
    if local(parts.hostname or "localhost"):
        listens = st.get_option("server.address")
        reached = not (listens and local(listens)) and bool(outward())
        if reached:
            host = outward() + (f":{parts.port}" if parts.port else "")
    return urlunsplit((parts.scheme, host, _below(), "", "")), reached


def link(word: str) -> str:
    return f"{base()[0]}?join={quote(word)}"


def notes(page: str) -> str:
    """The address of the notes, on this machine; the right to read them is not in it."""
    return urlsplit(st.context.url or "http://localhost:8501")._replace(path=f"{_below()}{page}", query="desk=1").geturl()


def _below() -> str:
    below = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{below}/" if below else "/"


@cache
def code(text: str) -> str:
    """A QR code as the address of a picture, as large as the page wants it."""
    return segno.make(text, error="m").svg_data_uri(omitsize=True, border=3, dark="#000000", light="#FFFFFF")


def card(word: str, *, large: bool = False, here: int | None = None) -> Html:
    """All of it."""
    address, reached = base()
    warned = (
        ""
        if reached
        else "<p class='remark'>Only this machine can open that: start gptviz with <code>--address 0.0.0.0</code> to let a class in.</p>"
    )
    count = f"<br><b>{here:d}</b> here" if here is not None else ""
    shown = verbatim.html(address.removeprefix("http://").removesuffix("/"))
    return (
        f"<div class='joining{' large' if large else ''}'><img src='{verbatim.html(code(link(word)))}' alt='QR code of the address below'>"
        f"<br>{shown}<br>"
        f"<span class='word'>{verbatim.html(word)}</span>{count}{warned}</div>"
    )

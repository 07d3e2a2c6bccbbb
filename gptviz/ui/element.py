"""The canvas as a Streamlit element.

Streamlit sends the source of a component with every message about it, except where it serves the source by address: then a
browser fetches it once. It does that for installed packages, which it finds by a manifest in their metadata. gptviz also runs
from a folder that is installed nowhere, so it hands the manifest in itself, to the runtime the script runs in.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from .. import canvas

_MANIFEST = ComponentManifest(
    "gptviz", "", [ComponentConfig(f"{name}-{canvas.version()}", canvas.JS.name) for name in ("canvas", "keep")]
)
_CANVAS, _KEEP = (f"{_MANIFEST.name}.{one.name}" for one in _MANIFEST.components)
_FILES = """
<style>
  .files { display: flex; gap: 8px; }
  button { font: inherit; color: inherit; background: none; border: 1px solid var(--st-border-color); border-radius: 8px; padding: 5px 14px; cursor: pointer; }
  button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
  button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
</style>
<div class="files"></div>
"""
_lock = Lock()


def show(data: bytes, *, key: str, on_event: Callable[[], None]) -> None:
    """Draw a picture that gptviz.canvas packed. on_event: called before the script runs again, when the element `key` sent an
    "event" (see `incoming.sent`)."""
    _component(_CANVAS, js="streamlit.js")(key=key, data=data, on_event_change=on_event)


def files(data: bytes, *, key: str) -> None:
    """Buttons that make a file of a picture in the browser. data: as js/keep.js reads it."""
    _component(_KEEP, js="keep.js", html=_FILES)(key=key, data=data)


def _component(name: str, **source: str) -> Callable[..., Any]:
    manager = get_bidi_component_manager()
    with _lock:
        if manager.get_component_asset_root(name) is None:
            manager.register_from_manifest(_MANIFEST, canvas.JS.parent)
        return st.components.v2.component(name, **source)

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

_MANIFEST = ComponentManifest("gptviz", "", [ComponentConfig(f"canvas-{canvas.version()}", canvas.JS.name)])
_NAME = f"{_MANIFEST.name}.{_MANIFEST.components[0].name}"
_lock = Lock()


def show(data: bytes, *, key: str, on_event: Callable[[], None]) -> None:
    """Draw a picture that gptviz.canvas packed. on_event: called before the script runs again, when the element `key` sent an
    "event" (see `incoming.sent`)."""
    _component()(key=key, data=data, on_event_change=on_event)


def _component() -> Callable[..., Any]:
    manager = get_bidi_component_manager()
    with _lock:
        if manager.get_component_asset_root(_NAME) is None:
            manager.register_from_manifest(_MANIFEST, canvas.JS.parent)
        return st.components.v2.component(_NAME, js="streamlit.js")

"""The offer of a published size that is not on this machine, and its progress: a panel under the top line.

Nothing is fetched until the reader presses the button. The download belongs to the server: everybody who opens the offer sees the
same progress, and the model in use stays until the reader takes the new one.
"""

import streamlit as st

from .. import catalogue, hub, transfer, verbatim
from .state import change, models

EVERY = 0.5  # seconds between two looks at a download under way


def title(key: str) -> str:
    """A model's line in the chooser."""
    if key in catalogue.MODELS:
        entry = catalogue.MODELS[key]
        return f"{entry.title} (cannot be opened)" if entry.trouble else entry.title
    return f"{key} (download {hub.in_words(hub.PUBLISHED[key].size)})"


def choices() -> list[str]:
    """What the chooser lists: the models that are here, then the published sizes that are not."""
    last = map(transfer.download, catalogue.offers())
    if any(one is not None and one.progress().state == "finished" for one in last):
        catalogue.refresh()
    return [*models(), *catalogue.offers()]


def choose(key: str) -> None:
    """Take a model; one that is not here is offered, and the model in use stays."""
    if key not in catalogue.MODELS:
        catalogue.refresh()  # somebody may have brought it since
    if key in catalogue.MODELS:
        close()
        change(model=key, cell="")
    else:
        st.session_state["offer"] = key


def close() -> None:
    """Put the offer away; a download under way goes on."""
    st.session_state["offer"] = ""


def panel() -> None:
    """The offer this reader has opened, if any."""
    key = st.session_state.get("offer", "")
    if key not in hub.PUBLISHED:
        return
    running = _running(key)
    st.fragment(_body, run_every=EVERY if running else None)(key, running)


def _running(key: str) -> bool:
    under_way = transfer.download(key)
    return under_way is not None and under_way.progress().running


def _body(key: str, running: bool) -> None:
    """Words on the left, what can be done on the right."""
    if st.session_state["offer"] != key or _running(key) != running:
        st.rerun()  # a press in here, or the end of the download, concerns the whole page
    under_way = transfer.download(key)
    with st.container(key="offer", border=True):
        words, act, leave = st.columns([7.4, 1.5, 0.9], vertical_alignment="center", gap="small")
        leave.button("Hide" if running else "Not now", key="offer-close", width="stretch", on_click=close)
        if key in catalogue.MODELS:
            words.markdown(f":material/check: **{verbatim.markdown(key)}** is on this machine, whole and checked.")
            act.button(
                f"Use {verbatim.markdown(key)} now",
                key="offer-use",
                type="primary",
                width="stretch",
                on_click=choose,
                args=(key,),
            )
        elif running:
            progress = under_way.progress()
            words.progress(
                min(1.0, progress.done / progress.total), text=f"**{verbatim.markdown(key)}**: {verbatim.markdown(progress)}"
            )
            act.button(
                "Cancel",
                key="offer-cancel",
                width="stretch",
                help="Stops it for everybody who waits for it. What has arrived is kept.",
                on_click=under_way.cancel,
            )
        else:
            offer(key, under_way, words, act)


def offer(key: str, last: transfer.Download | None, words, act) -> None:
    """What it is, how big, whether it fits, what became of the last try."""
    published = hub.PUBLISHED[key]
    here = hub.arrived(published)
    with words:
        if last is not None and last.progress().state == "failed":
            st.error(verbatim.markdown(last.progress().message))
        rest = f"{hub.in_words(here)} of them are here already, " if here else ""
        size, source = hub.in_words(published.size), hub.endpoint().partition("://")[2]
        st.html(
            f"<div class='offer'><b>{verbatim.html(key)} is not on this machine.</b> {verbatim.html(catalogue.describe(published))}"
            f"<br><b>{verbatim.html(size)} to download</b>, "
            f"{verbatim.html(f'{rest}from {source}; {hub.memory_in_words(published)}.')}</div>"
        )
    if why := hub.refusal(published):
        words.error(verbatim.markdown(why))
        return
    act.button(
        f"{'Go on with' if here else 'Download'} {verbatim.markdown(key)}",
        key="offer-start",
        type="primary",
        width="stretch",
        on_click=begin,
        args=(key,),
    )


def begin(key: str) -> None:
    """The reader's press, the one thing that reaches for the network."""
    try:
        transfer.start(key)
    except transfer.HubError as error:
        st.toast(verbatim.markdown(error), icon=":material/error:")

"""gptviz: see how a GPT turns a sentence into its next word. Run with `streamlit run app.py`."""

import streamlit as st

from gptviz.ui import navigation, start
from gptviz.ui.lesson import news

if __name__ == "__main__":  # as Streamlit runs it for every reader
    navigation.run()
else:  # as the server imports it, once
    app = st.App(__file__, lifespan=start.lifespan, routes=news.routes())

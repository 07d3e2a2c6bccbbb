"""The walk: one sentence through every stage of a GPT. Run with `streamlit run app.py`."""

from gptviz.ui import walk

walk.page()

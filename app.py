"""gptviz: see how a GPT turns a sentence into its next word. Run with `streamlit run app.py`."""

from gptviz.ui import shell

shell.run()

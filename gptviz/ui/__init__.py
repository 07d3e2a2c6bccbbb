"""The only package that imports streamlit: what the pages are made of."""

"""gptviz: see every number a sentence becomes inside a real GPT-2.

    import gptviz

    model = gptviz.load("mini")                                          # or a checkpoint folder
    seen = gptviz.run(model, gptviz.encode("Every effort moves you"))
    seen["blocks.0.att.weights"]                                         # (batch, head, query, key)

Names are fetched when they are first asked for: `import gptviz` by itself imports neither torch nor Streamlit.
"""

from importlib import import_module

_FROM = {  # name -> the module it lives in
    "load": "notebook",
    "show": "notebook",
    "walk": "notebook",
    "encode": "tokenizer",
    "decode": "tokenizer",
    "run": "trace",
    "Trace": "trace",
    "NotFinite": "trace",
    "generate": "sampling",
    "GPT": "model",
    "GPTConfig": "config",
    "PRESETS": "config",
    "Edit": "hooks",
    "CheckpointError": "weights",
    "STAGES": "stages",
}
_MODULES = ("catalogue", "edits", "sampling", "tokenizer", "trace", "weights")

__all__ = [*_FROM, *_MODULES]


def __getattr__(name: str):
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _FROM:
        raise AttributeError(f"gptviz has no {name!r}; it offers {', '.join(__all__)}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

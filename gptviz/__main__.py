"""`python -m gptviz fetch gpt2` brings a published size ahead of a lesson; `python -m gptviz models` lists what is there."""

import argparse
import sys

from . import catalogue, hub, transfer, weights


def fetch(key: str) -> int:
    """Download one size, with a line of progress; 0 when it is here."""
    if key in catalogue.MODELS:
        print(f"{key} is here already: {catalogue.MODELS[key].folder}")
        return 0
    try:
        download = transfer.start(key)
    except transfer.HubError as error:
        print(error, file=sys.stderr)
        return 1
    live = sys.stdout.isatty()
    print(f"{key}: {hub.in_words(hub.PUBLISHED[key].size)} from {hub.endpoint()} into {hub.cache_folder()}")
    try:
        while (progress := download.wait(0.25 if live else 5.0)).running:
            print(f"\r\033[K{key}: {progress}" if live else f"{key}: {progress}", end="" if live else "\n", flush=True)
    except KeyboardInterrupt:
        download.cancel()
        progress = download.wait(5.0)
    print("\r\033[K" if live else "", end="")
    print(f"{key}: {progress}", file=sys.stdout if progress.state == "finished" else sys.stderr)
    return {"finished": 0, "cancelled": 130}.get(progress.state, 1)


def models() -> int:
    """Every model that can be chosen, and the published sizes that can be fetched."""
    rows = [(key, where(entry)) for key, entry in catalogue.listed().items()]
    for key, one in catalogue.offers().items():
        rest = f", {hub.in_words(hub.arrived(one))} are here" if hub.arrived(one) else ""
        rows.append((key, f"not here: {hub.in_words(one.size)} to download{rest}; {hub.memory_in_words(one)}"))
    width = max(len(key) for key, _ in rows)
    for key, found in rows:
        print(f"{key:<{width}}  {found}".encode("utf-8", "replace").decode())  # a folder's name may be no text
    return 0


def where(entry: catalogue.Entry) -> str:
    """Where a model comes from, and why it cannot be one, or what it lacks, where its files say so before they are read."""
    if entry.folder is None:
        return "made on the spot"
    try:
        found = weights.look(entry.folder)
    except (weights.CheckpointError, OSError) as error:
        return f"cannot be loaded: {error}"
    return " ".join([str(entry.folder), *(f"({remark})" for remark in found.remarks)])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m gptviz", description="Models for gptviz. The app itself: streamlit run app.py")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("models", help="list the models that are here and those that can be fetched")
    one = commands.add_parser("fetch", help="download a published GPT-2 size, or go on with an interrupted download")
    one.add_argument("model", choices=hub.PUBLISHED)
    options = parser.parse_args(arguments)
    return models() if options.command == "models" else fetch(options.model)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m gptviz` starts the app. `python -m gptviz fetch gpt2` brings a published size ahead of a lesson, `python -m gptviz
models` lists what is there."""

import argparse
import sys
from ipaddress import ip_address

from . import catalogue, hub, serve, transfer, weights
from .keep import command as keeping


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


def port(text: str) -> int:
    """A port as it is written on the command line."""
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 1 to 65535 was expected, such as 8501")


def address(text: str) -> str:
    """An address to listen at."""
    try:
        return str(ip_address(text))
    except ValueError:
        if text == "localhost":
            return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is no address: 127.0.0.1 is this machine alone, 0.0.0.0 everybody who can reach it"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gptviz",
        description="Without a command, starts the app and opens it in your browser. Ctrl-C stops it.",
        epilog="Any other option goes to Streamlit as it is: --server.headless=true, --server.baseUrlPath=gpt, ...",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=port, help="where the app answers (8501, or the next free one)")
    parser.add_argument(
        "--address",
        type=address,
        help="who can reach it: 127.0.0.1, this machine alone, if not given; 0.0.0.0 for a class, and then no browser is opened here",
    )
    commands = parser.add_subparsers(dest="command", title="commands", metavar="{models,fetch,keep,site}")
    commands.add_parser("models", help="list the models that are here and those that can be fetched")
    one = commands.add_parser("fetch", help="download a published GPT-2 size, or go on with an interrupted download")
    one.add_argument("model", choices=hub.PUBLISHED)
    keeping.add(commands)
    options, more = parser.parse_known_args(arguments)
    serves = options.command is None
    unknown = [one for one in more if not (serves and one.startswith("--") and "=" in one)]
    if unknown:
        example = "; Streamlit's own options are written --name=value" if serves else ""
        parser.error(f"{' '.join(unknown)} was not understood{example}")
    if serves:
        return serve.start(options.port, options.address, more)
    if options.port is not None or options.address is not None:
        parser.error(f"--port and --address start the app; {options.command} takes neither")
    if options.command in keeping.COMMANDS:
        return keeping.run(options)
    return models() if options.command == "models" else fetch(options.model)


if __name__ == "__main__":
    sys.exit(main())

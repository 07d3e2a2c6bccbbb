"""OpenAI's published GPT-2 sizes: where each comes from, what it needs, and where it lies on this machine.

Nothing here touches the network; `transfer` does, when a reader asks.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants

from .config import PRESETS, GPTConfig

CONFIG, WEIGHTS = "config.json", "model.safetensors"
WORKING = 256 << 20  # bytes of memory a model needs beside its weights: one reader's numbers, and the pass itself


@dataclass(frozen=True)
class Published:
    """One size on the hub. size: bytes of model.safetensors. sha256: of that file; where it is "", the sum which the hub states
    for the revision is used."""

    key: str
    name: str
    repo: str
    revision: str
    size: int
    sha256: str
    config: GPTConfig

    @property
    def memory(self) -> int:
        """Bytes the model takes when it runs."""
        return needs(self.config)


def needs(config: GPTConfig) -> int:
    """Bytes a model of this shape takes when it runs: float32 weights and room to work, less of that for a very small one."""
    weights = 4 * config.n_parameters
    return weights + min(weights, WORKING)


def _published(key: str, name: str, revision: str, size: int, sha256: str = "") -> Published:
    return Published(key, name, f"openai-community/{key}", revision, size, sha256, PRESETS[key])


def _stored(config: GPTConfig) -> int:
    """Bytes of a checkpoint that holds float32 weights and every block's causal mask, without its header of some ten kB."""
    return 4 * (config.n_parameters + config.n_layer * config.context_length**2)


PUBLISHED = {
    one.key: one
    for one in (
        _published(
            "gpt2",
            "GPT-2 small",
            "607a30d783dfa663caf39e06633721c8d4cfcd7e",
            548_105_171,
            "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        ),
        _published("gpt2-medium", "GPT-2 medium", "6dcaa7a952f72f9298047fd5137cd6e4f05f41da", _stored(PRESETS["gpt2-medium"])),
        _published("gpt2-large", "GPT-2 large", "32b71b12589c2f8d625668d2335a01cac3249519", _stored(PRESETS["gpt2-large"])),
        _published(
            "gpt2-xl",
            "GPT-2 XL",
            "15ea56dee5df4983c59b2538573817e1667135e2",
            _stored(PRESETS["gpt2-xl"]),
            "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a",
        ),
    )
}


# on this machine ------------------------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """The Hugging Face cache, wherever HF_HUB_CACHE or HF_HOME put it."""
    return Path(os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE).expanduser()


def endpoint() -> str:
    """The hub, or the mirror that HF_ENDPOINT names."""
    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def repo_folder(repo: str) -> Path:
    """A repository's place in the cache."""
    return cache_folder() / f"models--{repo.replace('/', '--')}"


def snapshot(published: Published) -> Path:
    """Where the pinned revision's files belong."""
    return repo_folder(published.repo) / "snapshots" / published.revision


def incomplete(published: Published, name: str) -> Path:
    """Where a file waits until it is whole."""
    return repo_folder(published.repo) / "blobs" / f"{published.revision}.{name}.incomplete"


def find(published: Published) -> Path | None:
    """The model's folder in the Hugging Face cache, or None. Looks at names and sizes alone: half a file is none."""
    for repo in (published.repo, published.key):  # the sizes were once stored under their bare names
        folder = repo_folder(repo)
        revisions = [published.revision]
        with suppress(OSError):
            revisions.append((folder / "refs" / "main").read_text(encoding="ascii").strip())
        for revision in revisions:
            place = folder / "snapshots" / revision
            with suppress(OSError):
                whole = (place / WEIGHTS).stat().st_size >= 4 * published.config.n_parameters
                if whole and (place / CONFIG).is_file():
                    return place
    return None


def arrived(published: Published) -> int:
    """Bytes that an interrupted download left behind."""
    try:
        return incomplete(published, WEIGHTS).stat().st_size
    except OSError:
        return 0


@dataclass(frozen=True)
class Memory:
    """Memory of this machine in bytes, None where the system does not tell. free: still to be had, not all there is."""

    size: int | None
    free: bool = False


def memory() -> Memory:
    """What a model may take: what is free where the system says so (a container's own limit counts), else all there is."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        try:
            return Memory(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        except (AttributeError, ValueError, OSError):
            return Memory(None)
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError, StopIteration):  # no container, or one without a limit
        limit = int((group / "memory.max").read_text())
        pages = (group / "memory.stat").read_text().splitlines()
        reclaimable = next(int(line.split()[1]) for line in pages if line.startswith("inactive_file "))
        free = min(free, limit - int((group / "memory.current").read_text()) + reclaimable)
    return Memory(free, free=True)


def in_words(size: float) -> str:
    """Bytes as people say them: 548 MB, 1.52 GB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= 0.9995 * unit:
            return f"{size / unit:.2f} {name}" if unit == 1e9 else f"{size / unit:.0f} {name}"
    return f"{size:.0f} bytes"


def memory_in_words(published: Published) -> str:
    """What the model needs and what this machine has."""
    return _needs_and_has(published.memory, memory())


def _needs_and_has(needed: int, has: Memory) -> str:
    if has.size is None:
        return f"{in_words(needed)} of memory needed; this system does not say how much it has"
    return f"{in_words(needed)} of memory needed, {in_words(has.size)} {'free' if has.free else 'in this machine'}"


def too_large(config: GPTConfig) -> str:
    """What a model of this shape needs and what this machine has, where that is less; else ""."""
    needed, has = needs(config), memory()
    return _needs_and_has(needed, has) if has.size is not None and needed > has.size else ""


def refusal(published: Published) -> str:
    """Why this model cannot run here, with both numbers, or ""."""
    why = too_large(published.config)
    return why and f"{published.key} does not fit: {why}. A smaller size may."

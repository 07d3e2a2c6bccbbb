"""A text that grows, with the keys and values of earlier tokens kept (KV cache): only the new tokens' rows are computed.

The operations are the model's own modules, in the model's order. No later token changes an earlier one's row, so what it offers to
later queries stays as it is. Its own query is needed once, when its row is made.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .model import GPT


@dataclass(frozen=True, eq=False)
class Kept:
    """Keys and values of the tokens so far, (head, token, channel), of every block; none to begin with. tokens: how many tokens have
    been read, also those whose keys and values were thrown away."""

    keys: tuple[Tensor, ...] = ()
    values: tuple[Tensor, ...] = ()
    tokens: int = 0

    @property
    def held(self) -> int:
        """Tokens whose keys and values are here."""
        return self.keys[0].shape[1] if self.keys else 0

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in (*self.keys, *self.values))

    def newest(self, most: int) -> "Kept":
        """The same without the oldest tokens beyond `most`."""
        if most < 1:
            raise ValueError(f"at least one token must be kept, got {most}")
        cut = tuple(tuple(tensor[:, -most:] for tensor in some) for some in (self.keys, self.values))
        return Kept(*cut, self.tokens)


@dataclass(frozen=True, eq=False)
class Grown:
    """What came of reading new tokens. logits: (word,) after the last one. kept: for the next ones. work: floating point operations
    of the matrix products that were made, by part as in `GPTConfig.flops`, 2 for every multiply-add."""

    logits: Tensor
    kept: Kept
    work: Mapping[str, int]


@torch.inference_mode()
def read(model: GPT, ids: Sequence[int], kept: Kept = Kept()) -> Grown:
    """Read new tokens behind those that are kept. Without any kept it is a whole pass."""
    model.check(torch.tensor([list(ids)]))
    start, new = kept.tokens, len(ids)
    if start + new > model.config.context_length:
        raise ValueError(f"{start + new} tokens do not fit: the position table has {model.config.context_length} rows")
    work: Counter[str] = Counter()

    def product(part: str, x: Tensor, y: Tensor) -> None:
        """Count x @ y."""
        work[part] += 2 * math.prod(x.shape) * y.shape[-1]

    keys, values = [], []
    x = model.tok_emb.weight[list(ids)] + model.pos_emb.weight[start : start + new]
    for number, block in enumerate(model.blocks):
        normed = block.norm1(x)
        product("queries, keys, values", normed, block.att.qkv.weight)
        query, key, value = (block.att.split_heads(one[None])[0] for one in block.att.qkv(normed).chunk(3, dim=-1))
        if kept.keys:
            key, value = torch.cat([kept.keys[number], key], dim=1), torch.cat([kept.values[number], value], dim=1)
        keys.append(key)
        values.append(value)
        product("scores and mixing", query, key.mT)
        scores = query @ key.mT / math.sqrt(block.att.head_size)
        future = torch.ones(new, key.shape[1], dtype=torch.bool).triu(key.shape[1] - new + 1)
        weights = scores.masked_fill(future, -math.inf).softmax(dim=-1)
        product("scores and mixing", weights, value)
        concat = (weights @ value).transpose(0, 1).flatten(1)
        product("attention projection", concat, block.att.out_proj.weight)
        x = x + block.att.out_proj(concat)
        normed = block.norm2(x)
        product("feed-forward", normed, block.ff.expand.weight)
        active = F.gelu(block.ff.expand(normed), approximate="tanh")
        product("feed-forward", active, block.ff.contract.weight)
        x = x + block.ff.contract(active)
    last = model.final_norm(x)
    product("output head", last, model.out_head.weight.mT)
    return Grown(model.out_head(last)[-1], Kept(tuple(keys), tuple(values), start + new), dict(work))

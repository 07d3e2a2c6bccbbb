"""The shape of a GPT-2, and the named shapes this project knows."""

from dataclasses import dataclass
from typing import NamedTuple


class Rates(NamedTuple):
    """Dropout rates that a model was trained with: on the input embedding, on attention weights, and on what attention and the
    feed-forward layer add to the stream."""

    embedding: float
    attention: float
    residual: float


@dataclass(frozen=True)
class GPTConfig:
    """Sizes of one GPT-2-shaped model (Radford et al. 2019, table 2).

    Raises ValueError when the sizes cannot make a model, naming the numbers that clash.
    """

    vocab_size: int = 50257  # 256 bytes + 50,000 merges + <|endoftext|>
    context_length: int = 1024  # rows of the position table
    n_embd: int = 768  # width: numbers per token in the residual stream
    n_head: int = 12  # heads side by side in each block
    n_layer: int = 12  # blocks in series
    eps: float = 1e-5  # LayerNorm: added to the variance
    qkv_bias: bool = True  # OpenAI's GPT-2 has it
    tied_head: bool = True  # output head reuses the token table

    def __post_init__(self):
        for name in ("vocab_size", "context_length", "n_embd", "n_head", "n_layer"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if not isinstance(self.eps, float) or not 0 < self.eps < 1:
            raise ValueError(f"eps must be a number above 0 and below 1, got {self.eps!r}")
        if self.n_embd % self.n_head:
            raise ValueError(
                f"width {self.n_embd} cannot be split into {self.n_head} heads of equal size: "
                f"{self.n_embd} / {self.n_head} leaves a rest of {self.n_embd % self.n_head}"
            )

    @property
    def head_size(self) -> int:
        return self.n_embd // self.n_head

    @property
    def hidden_size(self) -> int:
        """Units of the feed-forward layer: four times the width."""
        return 4 * self.n_embd

    @property
    def dropout_sites(self) -> int:
        """Places where one training pass applies dropout: 1 + 3 per block."""
        return 1 + 3 * self.n_layer

    def sizes(self, batch: int, tokens: int) -> dict[str, int]:
        """Length of every named axis for a pass over `batch` sequences of `tokens` tokens."""
        return {
            "batch": batch,
            "token": tokens,
            "query": tokens,
            "key": tokens,
            "head": self.n_head,
            "channel": self.head_size,
            "feature": self.n_embd,
            "unit": self.hidden_size,
            "word": self.vocab_size,
        }

    def parameters(self) -> dict[str, int]:
        """Number of learned numbers in each part; the values add up to the model's total.

        A tied head appears with 0, because it owns no numbers beyond the token table.
        """
        d, hidden, layers = self.n_embd, self.hidden_size, self.n_layer
        return {
            "token table": self.vocab_size * d,
            "position table": self.context_length * d,
            "LayerNorms": (2 * layers + 1) * 2 * d,
            "attention": layers * (3 * d * d + (3 * d if self.qkv_bias else 0) + d * d + d),
            "feed-forward": layers * (d * hidden + hidden + hidden * d + d),
            "output head": 0 if self.tied_head else self.vocab_size * d,
        }

    @property
    def n_parameters(self) -> int:
        return sum(self.parameters().values())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every learned tensor, by its name in `gptviz.model.GPT`; a tied head has none of its own."""
        d, hidden = self.n_embd, self.hidden_size
        found = {"tok_emb.weight": (self.vocab_size, d), "pos_emb.weight": (self.context_length, d)}
        for block in range(self.n_layer):
            own = {
                "norm1.weight": (d,),
                "norm1.bias": (d,),
                "att.qkv.weight": (d, 3 * d),
                "att.qkv.bias": (3 * d,),
                "att.out_proj.weight": (d, d),
                "att.out_proj.bias": (d,),
                "norm2.weight": (d,),
                "norm2.bias": (d,),
                "ff.expand.weight": (d, hidden),
                "ff.expand.bias": (hidden,),
                "ff.contract.weight": (hidden, d),
                "ff.contract.bias": (d,),
            }
            if not self.qkv_bias:
                del own["att.qkv.bias"]
            found |= {f"blocks.{block}.{name}": shape for name, shape in own.items()}
        found |= {"final_norm.weight": (d,), "final_norm.bias": (d,)}
        return found if self.tied_head else found | {"out_head.weight": (self.vocab_size, d)}

    def kv_cache(self, tokens: int = 1, batch: int = 1) -> int:
        """Numbers kept when the keys and values of all earlier tokens are remembered between passes: two vectors of the
        model's width per token and block."""
        return 2 * self.n_layer * self.n_embd * tokens * batch

    def flops(self, tokens: int, batch: int = 1) -> dict[str, int]:
        """Work of one forward pass over whole sequences, by part: floating point operations of the matrix products alone,
        2 per multiply-add, the full square of scores included; the values add up to the pass.

        LayerNorm, softmax, GELU and the additions are left out: together they are far below one percent.
        """
        d, rows = self.n_embd, batch * tokens
        return {
            "queries, keys, values": 2 * rows * d * 3 * d * self.n_layer,
            "scores and mixing": 2 * (2 * rows * tokens * d) * self.n_layer,
            "attention projection": 2 * rows * d * d * self.n_layer,
            "feed-forward": 2 * (2 * rows * d * self.hidden_size) * self.n_layer,
            "output head": 2 * rows * d * self.vocab_size,
        }

    def cached_flops(self, tokens: int) -> dict[str, int]:
        """Work of one more token when the keys and values before it are remembered, counted as in `flops`; tokens: how many
        it reads, itself included. Of the square of scores only its own row is left."""
        return self.flops(1) | {"scores and mixing": 2 * (2 * tokens * self.n_embd) * self.n_layer}


PRESETS = {
    "gpt2": GPTConfig(),
    "gpt2-medium": GPTConfig(n_embd=1024, n_layer=24, n_head=16),
    "gpt2-large": GPTConfig(n_embd=1280, n_layer=36, n_head=20),
    "gpt2-xl": GPTConfig(n_embd=1600, n_layer=48, n_head=25),
    "mini": GPTConfig(n_embd=256, n_layer=6, n_head=8, context_length=256),
    "tiny": GPTConfig(n_embd=16, n_layer=2, n_head=2, context_length=32),
}

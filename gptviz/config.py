"""The shape of a GPT-2, and the named shapes this project knows."""

from dataclasses import dataclass


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


PRESETS = {
    "gpt2": GPTConfig(),
    "gpt2-medium": GPTConfig(n_embd=1024, n_layer=24, n_head=16),
    "gpt2-large": GPTConfig(n_embd=1280, n_layer=36, n_head=20),
    "gpt2-xl": GPTConfig(n_embd=1600, n_layer=48, n_head=25),
    "mini": GPTConfig(n_embd=256, n_layer=6, n_head=8, context_length=256),
    "tiny": GPTConfig(n_embd=16, n_layer=2, n_head=2, context_length=32),
}

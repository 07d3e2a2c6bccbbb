"""GPT-2 on one page: `forward` reads as the walk, one operation per line.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; names follow Raschka, "Build a Large
Language Model (From Scratch)". Pre-LayerNorm, learned positions, fused queries-keys-values, GELU in its tanh form,
output head without bias. Every intermediate passes a hook point that states its axes. Nothing is changed in place.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import GPTConfig, Rates
from .hooks import Dropout, HookPoint, name_points


class Linear(nn.Module):
    """y = x W + b with W stored as (inputs, outputs), the way GPT-2's checkpoints store it."""

    def __init__(self, n_in: int, n_out: int, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.empty(n_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:  # (..., inputs) -> (..., outputs)
        if self.bias is None:
            return x @ self.weight
        rows = x.reshape(-1, x.shape[-1])
        return torch.addmm(self.bias, rows, self.weight).view(*x.shape[:-1], -1)


class LayerNorm(nn.Module):
    """Ba et al. 2016: mean 0 and variance 1 over each token's features, then a learned scale and shift."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(width))  # scale, starts at 1
        self.bias = nn.Parameter(torch.empty(width))  # shift, starts at 0

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=-1, keepdim=True)
        variance = x.var(dim=-1, keepdim=True, correction=0)  # biased: divided by n, as GPT-2 was trained
        normalised = (x - mean) / torch.sqrt(variance + self.eps)
        return normalised * self.weight + self.bias


class Attention(nn.Module):
    """Masked multi-head self-attention (Vaswani et al. 2017, equation 1): each token reads itself and earlier ones."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.n_head = config.n_head
        self.head_size = config.head_size
        self.qkv = Linear(config.n_embd, 3 * config.n_embd, bias=config.qkv_bias)
        self.out_proj = Linear(config.n_embd, config.n_embd)
        self.dropout = Dropout()
        self.hook_query = HookPoint("batch head token channel")
        self.hook_key = HookPoint("batch head token channel")
        self.hook_value = HookPoint("batch head token channel")
        self.hook_scores = HookPoint("batch head query key")
        self.hook_scaled = HookPoint("batch head query key")
        self.hook_masked = HookPoint("batch head query key")
        self.hook_weights = HookPoint("batch head query key")
        self.hook_dropped = HookPoint("batch head query key")
        self.hook_context = HookPoint("batch head query channel")
        self.hook_concat = HookPoint("batch token feature")

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        query = self.hook_query(self.split_heads(query))
        key = self.hook_key(self.split_heads(key))
        value = self.hook_value(self.split_heads(value))
        scores = self.hook_scores(query @ key.transpose(-2, -1))
        scores = self.hook_scaled(scores / math.sqrt(self.head_size))
        scores = self.hook_masked(scores.masked_fill(self.future(x), -math.inf))
        weights = self.hook_weights(scores.softmax(dim=-1))
        weights = self.hook_dropped(self.dropout(weights))
        context = self.hook_context(weights @ value)
        concat = self.hook_concat(context.transpose(1, 2).flatten(2))
        return self.out_proj(concat)

    def split_heads(self, x: Tensor) -> Tensor:
        """(batch, token, feature) -> (batch, head, token, channel): head h owns columns h*size to (h+1)*size - 1."""
        return x.unflatten(-1, (self.n_head, self.head_size)).transpose(1, 2)

    @staticmethod
    def future(x: Tensor) -> Tensor:
        """(query, key): True where the key comes after the query, and so must not be read."""
        return torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)


class FeedForward(nn.Module):
    """Expand to four times the width, bend with GELU (Hendrycks and Gimpel 2016), contract: each token on its own."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.expand = Linear(config.n_embd, config.hidden_size)
        self.contract = Linear(config.hidden_size, config.n_embd)
        self.hook_hidden = HookPoint("batch token unit")
        self.hook_active = HookPoint("batch token unit")

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.hook_hidden(self.expand(x))
        active = self.hook_active(F.gelu(hidden, approximate="tanh"))
        return self.contract(active)


class Block(nn.Module):
    """One transformer block: attention between tokens, then a feed-forward layer on each, both beside a shortcut."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.norm1 = LayerNorm(config.n_embd, config.eps)
        self.hook_norm1 = HookPoint("batch token feature")
        self.att = Attention(config)
        self.hook_att_out = HookPoint("batch token feature")
        self.drop1 = Dropout()
        self.hook_drop1 = HookPoint("batch token feature")
        self.hook_shortcut1 = HookPoint("batch token feature")
        self.norm2 = LayerNorm(config.n_embd, config.eps)
        self.hook_norm2 = HookPoint("batch token feature")
        self.ff = FeedForward(config)
        self.hook_ff_out = HookPoint("batch token feature")
        self.drop2 = Dropout()
        self.hook_drop2 = HookPoint("batch token feature")
        self.hook_shortcut2 = HookPoint("batch token feature")

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x
        x = self.hook_norm1(self.norm1(x))
        x = self.hook_att_out(self.att(x))
        x = self.hook_drop1(self.drop1(x))
        x = self.hook_shortcut1(shortcut + x)
        shortcut = x
        x = self.hook_norm2(self.norm2(x))
        x = self.hook_ff_out(self.ff(x))
        x = self.hook_drop2(self.drop2(x))
        x = self.hook_shortcut2(shortcut + x)
        return x


class GPT(nn.Module):
    """The whole model: ids (batch, token) -> logits (batch, token, vocabulary).

    `points` maps every hook point's name to the point, in the order of the modules. The parameters hold no numbers yet:
    fill them with `init_weights`, or load them with `gptviz.weights.load`, which also says in `extra` what the rows of the
    token table beyond GPT-2's tokens are called, in `remarks` what a reader should know of the checkpoint, in `rates` with which
    dropout it was trained and in `read` which tokens its training text had, (word,) bool; these two are None where nothing says so.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.extra: dict[int, str] = {}
        self.remarks: tuple[str, ...] = ()
        self.rates: Rates | None = None
        self.read: Tensor | None = None
        self.hook_ids = HookPoint("batch token")
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd, _weight=torch.empty(config.vocab_size, config.n_embd))
        self.hook_tok_emb = HookPoint("batch token feature")
        self.pos_emb = nn.Embedding(
            config.context_length, config.n_embd, _weight=torch.empty(config.context_length, config.n_embd)
        )
        self.hook_pos_emb = HookPoint("token feature")
        self.hook_input_emb = HookPoint("batch token feature")
        self.drop_emb = Dropout()
        self.hook_drop_emb = HookPoint("batch token feature")
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.final_norm = LayerNorm(config.n_embd, config.eps)
        self.hook_final_norm = HookPoint("batch token feature")
        self.out_head = nn.Linear(config.n_embd, config.vocab_size, bias=False, device="meta")
        if config.tied_head:
            self.out_head.weight = self.tok_emb.weight
        else:
            self.out_head.weight = nn.Parameter(torch.empty(config.vocab_size, config.n_embd))
        self.hook_logits = HookPoint("batch token word")
        self.points = name_points(self)

    def forward(self, ids: Tensor) -> Tensor:
        self.check(ids)
        ids = self.hook_ids(ids)
        tok_emb = self.hook_tok_emb(self.tok_emb(ids))
        pos_emb = self.hook_pos_emb(self.pos_emb.weight[: ids.shape[1]])
        x = self.hook_input_emb(tok_emb + pos_emb)
        x = self.hook_drop_emb(self.drop_emb(x))
        for block in self.blocks:
            x = block(x)
        x = self.hook_final_norm(self.final_norm(x))
        return self.hook_logits(self.out_head(x))

    def check(self, ids: Tensor) -> None:
        """Raise ValueError when these ids cannot go through this model, saying what was expected and what came."""
        if ids.ndim != 2 or ids.numel() == 0:
            raise ValueError(f"ids must have shape (batch, token) with at least one token, got {tuple(ids.shape)}")
        if ids.shape[1] > self.config.context_length:
            raise ValueError(
                f"{ids.shape[1]} tokens do not fit: the position table has {self.config.context_length} rows. "
                f"Keep the last {self.config.context_length} tokens"
            )
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= self.config.vocab_size:
            raise ValueError(f"token ids must lie in 0 to {self.config.vocab_size - 1}, got {low if low < 0 else high}")

    @torch.no_grad()
    def init_weights(self, seed: int = 0) -> "GPT":
        """Fill the parameters as GPT-2 was initialised: N(0, 0.02), the two projections that write into the residual
        stream scaled by 1/sqrt(2 layers), biases 0, LayerNorm scale 1 and shift 0. The same seed, the same model."""
        generator = torch.Generator().manual_seed(seed)
        residual_std = 0.02 / math.sqrt(2 * self.config.n_layer)
        for name, parameter in self.named_parameters():
            if name.endswith(("out_proj.weight", "contract.weight")):
                parameter.normal_(0, residual_std, generator=generator)
            elif parameter.ndim == 2:
                parameter.normal_(0, 0.02, generator=generator)
            else:
                parameter.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
        return self

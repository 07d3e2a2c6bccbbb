"""The model's own parameters through PyTorch's fused operations: the same numbers as `GPT.forward`, with no hook points."""

import torch.nn.functional as F
from torch import Tensor

from ..model import GPT, Block, LayerNorm, Linear


def hidden(model: GPT, ids: Tensor, dropout: float = 0.0) -> Tensor:
    """Token ids (batch, token) -> what the output head reads, (batch, token, feature).

    dropout: the rate at all of GPT-2's places: the input embedding, the attention weights, and what attention and feed-forward
    add to the stream. The masks come from torch's global generator.
    """
    x = F.dropout(F.embedding(ids, model.tok_emb.weight) + model.pos_emb.weight[: ids.shape[1]], dropout)
    for block in model.blocks:
        x = x + F.dropout(attention(block, normed(block.norm1, x), dropout), dropout)
        x = x + F.dropout(feed_forward(block, normed(block.norm2, x)), dropout)
    return normed(model.final_norm, x)


def attention(block: Block, x: Tensor, dropout: float = 0.0) -> Tensor:
    """(batch, token, feature) -> the same shape; weights and masks stay inside one fused operation."""
    query, key, value = (block.att.split_heads(part) for part in linear(block.att.qkv, x).chunk(3, dim=-1))
    context = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
    return linear(block.att.out_proj, context.transpose(1, 2).flatten(2))


def feed_forward(block: Block, x: Tensor) -> Tensor:
    return linear(block.ff.contract, F.gelu(linear(block.ff.expand, x), approximate="tanh"))


def linear(layer: Linear, x: Tensor) -> Tensor:
    return F.linear(x, layer.weight.T, layer.bias)


def normed(layer: LayerNorm, x: Tensor) -> Tensor:
    return F.layer_norm(x, layer.weight.shape, layer.weight, layer.bias, layer.eps)

"""The walk: every stage in the order the forward pass makes its numbers. One file per stage, one line here."""

from . import (
    append,
    attention_dropout,
    attention_scores,
    attention_shortcut,
    attention_weights,
    block_output,
    causal_mask,
    context_vectors,
    contract,
    embedding_dropout,
    expand,
    feed_forward_dropout,
    feed_forward_shortcut,
    final_norm,
    gelu,
    input_embedding,
    norm1,
    norm2,
    output_head,
    output_projection,
    positional_embedding,
    queries_keys_values,
    softmax,
    text,
    token_embedding,
    token_ids,
    weight_dropout,
)
from .stage import Notes, Question, Stage

STAGES: tuple[Stage, ...] = tuple(
    module.STAGE
    for module in (
        text,
        token_ids,
        token_embedding,
        positional_embedding,
        input_embedding,
        embedding_dropout,
        norm1,
        queries_keys_values,
        attention_scores,
        causal_mask,
        attention_weights,
        weight_dropout,
        context_vectors,
        output_projection,
        attention_dropout,
        attention_shortcut,
        norm2,
        expand,
        gelu,
        contract,
        feed_forward_dropout,
        feed_forward_shortcut,
        block_output,
        final_norm,
        output_head,
        softmax,
        append,
    )
)
BY_KEY = {stage.key: stage for stage in STAGES}

__all__ = ["BY_KEY", "STAGES", "Notes", "Question", "Stage"]

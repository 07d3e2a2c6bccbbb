"""The bundled model in transformers."""

from transformers import GPT2Config, GPT2LMHeadModel

from gptviz import weights
from sample_models import mini


def transformers_twin() -> GPT2LMHeadModel:
    """transformers' GPT-2 with the bundled model's weights."""
    config = mini().config
    theirs = GPT2LMHeadModel(
        GPT2Config(
            n_embd=config.n_embd,
            n_layer=config.n_layer,
            n_head=config.n_head,
            n_positions=config.context_length,
            attn_implementation="eager",
        )
    )
    state = {"transformer." + weights.hf_name(name): parameter.clone() for name, parameter in mini().named_parameters()}
    missing, extra = theirs.load_state_dict(state, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not extra
    theirs.tie_weights()
    return theirs.eval().requires_grad_(False)

"""The attention lab: all heads at once, one score taken apart, masks, heads and their columns, the first token, a toy by hand."""

from ..lab import Lab
from .first_token import FIRST_TOKEN
from .head_atlas import ATLAS
from .head_columns import HEAD_COLUMNS
from .masking import MASKING
from .one_score import ONE_SCORE
from .toy import TOY

LAB = Lab(
    key="Attention",
    title="Attention",
    about="Every head of every block, and one score taken apart",
    experiments=(ATLAS, ONE_SCORE, MASKING, HEAD_COLUMNS, FIRST_TOKEN, TOY),
)

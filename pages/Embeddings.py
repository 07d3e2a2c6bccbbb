"""The embedding space lab."""

from gptviz.labs.embeddings import lab as embeddings
from gptviz.ui import shell

shell.lab(embeddings.LAB)

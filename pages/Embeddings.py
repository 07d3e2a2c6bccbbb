"""The embedding space lab."""

from gptviz.labs import embeddings
from gptviz.ui import shell

shell.lab(embeddings.LAB)

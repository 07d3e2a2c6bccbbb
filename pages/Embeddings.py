"""The embedding space lab."""

from gptviz.labs.embeddings import lab as embeddings
from gptviz.ui import navigation

navigation.lab(embeddings.LAB)

"""A page to train a very small model on."""

from gptviz.ui import shell, train

shell.inside(train.show)

"""A page to train a very small model on."""

from gptviz.ui import navigation, train

navigation.inside(train.show)

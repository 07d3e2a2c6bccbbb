"""What each part of the model does for one prediction."""

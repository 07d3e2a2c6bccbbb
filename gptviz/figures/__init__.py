"""Pictures as data: numpy arrays and labels in, a picture out. Nothing here knows the model or the page."""

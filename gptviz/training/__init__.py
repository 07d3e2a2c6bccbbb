"""From plain text to a checkpoint folder: `python -m gptviz.training TEXT OUT --minutes 60`."""

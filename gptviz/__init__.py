"""gptviz: see every number a sentence becomes inside a real GPT-2."""

"""What several labs look at: heads, words, a flat map of many dimensions, the word a model should have said."""

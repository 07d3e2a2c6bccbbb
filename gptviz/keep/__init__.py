"""Taking things home: the walk in one file, the numbers of a picture, a whole pass, and the code that makes them again."""

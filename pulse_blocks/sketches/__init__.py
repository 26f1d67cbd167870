"""What a set of rows looks like, in little space: sketches of numbers, counts of categories."""

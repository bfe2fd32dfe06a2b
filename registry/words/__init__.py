"""Words: numbers with their nouns, and what a slip was probably meant to be."""

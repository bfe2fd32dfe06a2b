"""The head is followed, judged and told of."""

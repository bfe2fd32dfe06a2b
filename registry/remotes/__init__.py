"""The branch that is released from, and what a remote does not have yet."""

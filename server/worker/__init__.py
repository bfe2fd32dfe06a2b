"""A lookup worker: a process that answers lookups from the read model, and relays all else.

Invariant: a lookup waits for nothing but this process: no Git, no database, no other process. What
a worker is not sure of, such as a token that it has never seen, it leaves to the keeper.
"""

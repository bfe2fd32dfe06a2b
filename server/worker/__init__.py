"""A lookup worker: a process that answers lookups from the read model, and relays the rest.

Invariant: a lookup waits for no Git, no database and no answer of another process.
A worker leaves to the keeper what it cannot decide, such as a token that it does not know.
"""

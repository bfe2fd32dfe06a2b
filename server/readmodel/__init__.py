"""The read model: everything that lookups are answered with, in one LMDB file.

Invariant: one process writes it (the keeper), and each of its transactions belongs to one commit,
so a reader sees one commit in one transaction. It is derived: it is never synced to the disk, and
is made again if it is missing or cannot be trusted.
"""

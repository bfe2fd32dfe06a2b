"""Signatures: what is signed, by which keys, and who may sign what.

The format is SSHSIG (OpenSSH, ``PROTOCOL.sshsig``), so that ``ssh-keygen -Y sign`` and
``ssh-keygen -Y verify`` do the same work. Signatures are made with a private key file and checked
in this process; agents, certificates and security keys (``sk-…``) are not supported.
"""

"""From a lookup worker to the keeper: one request of ASGI over one connection of a Unix socket.

Nothing is parsed twice: the worker has read the request as strictly as ever, and what travels are
the messages of ASGI themselves. The socket is in a directory that nobody else may enter.
"""

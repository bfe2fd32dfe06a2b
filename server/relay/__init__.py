"""Passes requests from a lookup worker to the keeper: one for each connection of a Unix socket.

Nothing is parsed twice: the worker has read and checked the request, and the messages of ASGI
travel as they are. The socket is in a directory that no other user may enter.
"""

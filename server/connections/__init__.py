"""The sockets of the server: HTTP/1.1 as strangers send it, and what each may hold how long.

Invariant: whatever a client does or leaves undone, its connection holds bounded memory and ends
within the times of the settings; and what waits for a client never keeps another one waiting.
"""

"""How the processes of one server are started, and what they are told."""

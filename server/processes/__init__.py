"""The start of the processes of one server, and the orders that each is given."""

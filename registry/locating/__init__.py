"""Which registry and which library a command means, and the commands that it advises."""

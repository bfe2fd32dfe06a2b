"""The registry and the library that a command means, and the commands that it advises."""

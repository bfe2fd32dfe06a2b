"""What the Makefile runs: the environment and the programs that the suite needs."""

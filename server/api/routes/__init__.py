"""One module a noun: thin routes that ask the state and answer."""

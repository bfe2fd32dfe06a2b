"""The entry point of a loading process; see `server.readmodel.loading`."""

from __future__ import annotations

import gc
import sys

from server.readmodel.loading import run_load_process

if __name__ == "__main__":
    # Short-lived, and everything it makes is kept until it ends.
    gc.disable()
    sys.exit(run_load_process(sys.argv[1:]))

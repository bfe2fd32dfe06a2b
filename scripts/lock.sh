#!/bin/sh
# Compile the locks: run.txt from pyproject.toml, build.txt and dev.txt on top of it.
# The three agree: what one pins, the next takes as it is.
# Arguments go to both runs, e.g. `scripts/lock.sh --upgrade` or `--upgrade-package fastapi`.
# Which index they come from is this machine's configuration and never gets into a lock.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
        --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links "$@"
}
echo "[lock] requirements/run.txt"
compile "$@" --output-file requirements/run.txt pyproject.toml
echo "[lock] requirements/build.txt"
compile "$@" --output-file requirements/build.txt requirements/build.in
echo "[lock] requirements/dev.txt"
compile "$@" --output-file requirements/dev.txt requirements/dev.in

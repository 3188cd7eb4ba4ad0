#!/usr/bin/env bash
# Everything there is to measure on a GPU, in under eight minutes: benchmarks/gpu.sh OUT [PYTHON]
# Needs a GPU, the packages of requirements/trainer-gpu.txt, and MNIST (DIGITS_DATA, Keras' cache, or the network).
# Writes to the folder OUT: gpu.csv (the card), one log a step, steps.tsv (step, exit code, seconds), memory.csv (each second),
# and what the trainings themselves report. A step that fails or takes too long does not keep the others from their turn.
set -uo pipefail
out=${1:?name the folder for the results: benchmarks/gpu.sh OUT [PYTHON]}
python=${2:-.venv/bin/python}
cd "$(dirname "$0")/.." || exit 1
command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1 || {
  echo "expected a GPU that nvidia-smi shows; received none; run this on the machine that has one" >&2
  exit 5
}
mkdir -p "$out" && out=$(cd "$out" && pwd)
nvidia-smi --query-gpu=name,driver_version,compute_cap,memory.total --format=csv >"$out/gpu.csv"
nvidia-smi --query-gpu=timestamp,index,memory.used,utilization.gpu --format=csv --loop=1 >"$out/memory.csv" &
watcher=$!
trap 'kill "$watcher" 2>/dev/null' EXIT
printf 'step\tcode\tseconds\n' >"$out/steps.tsv"

step() { # step NAME SECONDS COMMAND…
  local name=$1 limit=$2 begun=$SECONDS code
  shift 2
  timeout --signal=INT --kill-after=20 "$limit" "$@" >"$out/$name.log" 2>&1
  code=$?
  printf '%s\t%s\t%s\n' "$name" "$code" "$((SECONDS - begun))" | tee -a "$out/steps.tsv"
}

train() { # train NAME SECONDS FLAGS…: one training on the GPU, in a folder of its own
  local name=$1 limit=$2
  shift 2
  step "$name" "$limit" "$python" -m trainer --device gpu --run_dir "$out/runs/$name" --models "$out/models/$name" "$@"
}

# What TensorFlow finds, and that it computes.
step found 60 "$python" -c 'import tensorflow as tf; print(tf.config.list_physical_devices("GPU"), tf.sysconfig.get_build_info()); print(tf.reduce_sum(tf.random.normal((4096, 4096)) @ tf.random.normal((4096, 4096))))'
# The notebook's accuracy by each arithmetic, up to the published version: the export check runs on the GPU too.
train fast-bfloat16 70 --recipe fast --precision bfloat16
train fast-float32 70 --recipe fast --precision float32
# Images a second of the training step, against the notebook's code.
step training-speed 100 "$python" -m benchmarks.training_speed --rounds 3 --steps 20 --runs 1 --notebook_epochs 3 --results "$out"
train best-conv3 100 --recipe best --architectures conv3 --publish none
# One training over all cards, where there are several.
if [ "$(nvidia-smi --list-gpus | wc -l)" -gt 1 ]; then
  train mirrored 60 --recipe fast --architectures conv3 --publish none --strategy mirrored
fi
echo "The results are in $out"

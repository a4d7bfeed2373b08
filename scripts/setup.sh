#!/usr/bin/env bash
# Installs what vibratod needs on Debian 12, and says what it installs. Never asks a question.
#
#   scripts/setup.sh            what building, testing and running need
#   scripts/setup.sh --bench    also the peers and load tools that benches/ compares with
#   scripts/setup.sh --gate     also Clang, the ARM cross compiler, qemu and valgrind for scripts/gate.sh and soak.sh
set -euo pipefail

core=(g++ cmake ninja-build ccache pkg-config git curl python3 openssl
  libboost1.81-dev nlohmann-json3-dev libsqlite3-dev libxsimd-dev libroaring-dev libspdlog-dev libfmt-dev
  libcli11-dev libgtest-dev libgmock-dev libbenchmark-dev libsimdjson-dev libssl-dev)
bench=(libhnswlib-dev libfaiss-dev libopenblas-dev wrk)
gate=(clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev llvm-14 g++-aarch64-linux-gnu qemu-user
  valgrind)

wanted=("${core[@]}")
for argument in "$@"; do
  case "$argument" in
    --bench) wanted+=("${bench[@]}") ;;
    --gate) wanted+=("${gate[@]}") ;;
    -h | --help) sed -n '2,6p' "$0" | cut -c3-; exit 0 ;;
    *) echo "setup.sh: unknown argument '$argument' (see --help)" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "setup: everything needed is installed"
  exit 0
fi

command -v apt-get >/dev/null || {
  echo "setup: this is not a Debian system; please install the equivalents of: ${missing[*]}" >&2
  exit 1
}
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || { echo "setup: run as root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null
echo "setup: done"

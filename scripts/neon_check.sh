#!/bin/sh
# Compiles the kernels for aarch64 and checks them against the scalar ones under qemu-user, on a CPU with the dot
# product instruction and on one without. Needs g++-aarch64-linux-gnu and qemu-user. Exits 0 if all agree.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
compiler=${CXX_AARCH64:-aarch64-linux-gnu-g++}
emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
for tool in "$compiler" "${emulator:-qemu-aarch64}"; do
  command -v "$tool" >/dev/null || { echo "neon_check: $tool is missing" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# xsimd's headers do not depend on the architecture; the rest of the host's include folder must stay out of sight.
mkdir "$work/include"
ln -s /usr/include/xsimd "$work/include/xsimd"

flags="-std=c++20 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fno-math-errno -ffp-contract=off"
objects=""
for source in "$root"/src/simd/*.cpp "$root"/tests/unit/simd/oracle_check.cpp \
              "$root"/tests/unit/simd/neon_check_main.cpp; do
  object="$work/$(basename "$source" .cpp).o"
  extra=""
  case "$source" in
    *_dotprod.cpp) extra="-march=armv8.2-a+dotprod" ;;
  esac
  # The flags are words on purpose.
  # shellcheck disable=SC2086
  "$compiler" $flags $extra -I"$root/src" -I"$root/include" -I"$root/tests" -isystem "$work/include" \
    -c "$source" -o "$object"
  objects="$objects $object"
done
# shellcheck disable=SC2086
"$compiler" -static $objects -o "$work/neon_check"

for cpu in max cortex-a57; do
  echo "== $cpu"
  "$emulator" -cpu "$cpu" "$work/neon_check"
done
echo "neon_check: all agree"

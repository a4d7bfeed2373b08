#!/bin/sh
# Usage: isa_objects_check.sh <object file>...
#
# Fails if an object compiled for wider instructions (*_avx2*, *_avx512*, *_dotprod*) defines a weak function: the linker
# keeps one copy of an inline function, and a copy with instructions that the CPU lacks must never be the one.
set -eu

checked=0
for object in "$@"; do
  case "$(basename "$object")" in
    *_avx2.*|*_avx512.*|*_dotprod.*) ;;
    *) continue ;;
  esac
  checked=$((checked + 1))
  weak=$(nm -C "$object" | grep -E '^[0-9a-f]+ W ' || true)
  if [ -n "$weak" ]; then
    echo "$object defines code that other files may be linked to:" >&2
    echo "$weak" >&2
    exit 1
  fi
done
[ "$checked" -gt 0 ] || { echo "no object to check" >&2; exit 1; }

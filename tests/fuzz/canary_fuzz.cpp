// A planted fault, three comparisons deep: fuzzing that does not find it within a minute finds nothing else either.
// scripts/gate.sh runs it and fails if it survives.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size >= 3 && data[0] == 'V' && data[1] == 'D' && data[2] == 'B') {
    std::fputs("the canary was found\n", stderr);
    std::abort();
  }
  return 0;
}

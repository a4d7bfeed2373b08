#include "simd/bits.hpp"

#include <bit>

#include "simd/bits_avx512.hpp"
#include "simd/kernels.hpp"

namespace vibrato::simd {
namespace {

[[gnu::always_inline]] inline std::uint64_t count(std::span<const std::uint64_t> words) {
  std::uint64_t bits = 0;
  for (const std::uint64_t word : words) {
    bits += static_cast<std::uint64_t>(__builtin_popcountll(word));
  }
  return bits;
}

// Eight at a time, whether there are as many or not: how many bits a word has no predictor can guess.
[[gnu::always_inline]] inline std::size_t list(std::span<const std::uint64_t> words, std::uint32_t first,
                                               std::uint32_t* out) {
  constexpr int kStep = 8;
  std::uint32_t* end = out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::uint64_t word = words[i];
    const auto base = first + static_cast<std::uint32_t>(i * 64);
    const int bits = __builtin_popcountll(word);
    for (int done = 0; done < bits; done += kStep) {
      for (int j = 0; j < kStep; ++j) {
        end[done + j] = base + static_cast<std::uint32_t>(std::countr_zero(word));
        word &= word - 1;
      }
    }
    end += bits;
  }
  return static_cast<std::size_t>(end - out);
}

#if defined(__x86_64__)

// The baseline of x86-64 has no instructions for it.
__attribute__((target("popcnt,bmi"))) std::uint64_t count_bmi(std::span<const std::uint64_t> words) {
  return count(words);
}

__attribute__((target("popcnt,bmi"))) std::size_t list_bmi(std::span<const std::uint64_t> words, std::uint32_t first,
                                                           std::uint32_t* out) {
  return list(words, first, out);
}

bool has_bmi() {
  static const bool has = __builtin_cpu_supports("popcnt") != 0 && __builtin_cpu_supports("bmi") != 0;
  return has;
}

bool has_vbmi2() {
  static const bool has = kernels().isa == Isa::kAvx512 && __builtin_cpu_supports("avx512vbmi2") != 0 &&
                          __builtin_cpu_supports("avx512vpopcntdq") != 0;
  return has;
}

#endif

}  // namespace

std::uint64_t count_bits(std::span<const std::uint64_t> words) {
#if defined(__x86_64__)
  if (has_vbmi2()) {
    return avx512::count_bits(words);
  }
  if (has_bmi()) {
    return count_bmi(words);
  }
#endif
  return count(words);
}

std::size_t list_bits(std::span<const std::uint64_t> words, std::uint32_t first, std::uint32_t* out) {
#if defined(__x86_64__)
  if (has_vbmi2()) {
    return avx512::list_bits(words, first, out);
  }
  if (has_bmi()) {
    return list_bmi(words, first, out);
  }
#endif
  return list(words, first, out);
}

}  // namespace vibrato::simd

// The choice of the kernel table. The choice is made once a process, so each forced one runs in a process of its own.
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include "simd/kernels.hpp"

namespace vibrato::simd {
namespace {

constexpr Isa kBestFirst[] = {Isa::kAvx512, Isa::kAvx2, Isa::kNeon, Isa::kPortable, Isa::kScalar};
constexpr Isa kForThisArchitectureOrNot[] = {Isa::kScalar, Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kNeon};

std::string best_name() {
  for (const Isa isa : kBestFirst) {
    if (kernels_for(isa) != nullptr) {
      return std::string(kernels_for(isa)->name);
    }
  }
  return "none";
}

// Ends the process after naming the table that VIBRATO_SIMD=word chooses.
[[noreturn]] void choose_and_exit(const char* word) {
  setenv("VIBRATO_SIMD", word, 1);
  std::fprintf(stderr, "chosen: %s\n", kernels().name.data());
  std::exit(&kernels() == &kernels() ? 0 : 1);
}

class Dispatch : public ::testing::Test {
 protected:
  // A re-executed process has made no choice yet, whatever this one did before.
  Dispatch() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(Dispatch, knows_every_name_and_no_other) {
  EXPECT_EQ(parse_isa("scalar"), Isa::kScalar);
  EXPECT_EQ(parse_isa("portable"), Isa::kPortable);
  EXPECT_EQ(parse_isa("avx2"), Isa::kAvx2);
  EXPECT_EQ(parse_isa("avx512"), Isa::kAvx512);
  EXPECT_EQ(parse_isa("neon"), Isa::kNeon);
  EXPECT_EQ(parse_isa("AVX2"), std::nullopt);
  EXPECT_EQ(parse_isa("avx"), std::nullopt);
  EXPECT_EQ(parse_isa(""), std::nullopt);
}

TEST_F(Dispatch, has_the_scalar_and_the_portable_table_everywhere) {
  ASSERT_NE(kernels_for(Isa::kScalar), nullptr);
  ASSERT_NE(kernels_for(Isa::kPortable), nullptr);
}

TEST_F(Dispatch, has_no_table_of_another_architecture) {
#if defined(__x86_64__)
  EXPECT_EQ(kernels_for(Isa::kNeon), nullptr);
#else
  EXPECT_EQ(kernels_for(Isa::kAvx2), nullptr);
  EXPECT_EQ(kernels_for(Isa::kAvx512), nullptr);
#endif
}

TEST_F(Dispatch, takes_each_forced_set_that_the_cpu_has) {
  for (const Isa isa : kForThisArchitectureOrNot) {
    if (const Kernels* table = kernels_for(isa); table != nullptr) {
      const std::string name(table->name);
      EXPECT_EXIT(choose_and_exit(name.c_str()), ::testing::ExitedWithCode(0), "^chosen: " + name + "\n$");
    }
  }
}

TEST_F(Dispatch, ignores_an_unknown_word_with_a_warning) {
  EXPECT_EXIT(choose_and_exit("mmx"), ::testing::ExitedWithCode(0),
              "VIBRATO_SIMD=mmx is not a known instruction set.*\nchosen: " + best_name() + "\n");
}

TEST_F(Dispatch, ignores_a_set_that_the_cpu_lacks_with_a_warning) {
#if defined(__x86_64__)
  constexpr const char* kForeign = "neon";
#else
  constexpr const char* kForeign = "avx2";
#endif
  EXPECT_EXIT(choose_and_exit(kForeign), ::testing::ExitedWithCode(0),
              "is not available here.*\nchosen: " + best_name() + "\n");
}

TEST_F(Dispatch, takes_the_best_set_without_a_word) {
  EXPECT_EXIT(choose_and_exit(""), ::testing::ExitedWithCode(0), "^chosen: " + best_name() + "\n$");
}

}  // namespace
}  // namespace vibrato::simd

// The bytes of a coded row are part of the file format: whole 16-byte steps, room for every dimension.
#include "quant/code_layout.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace vibrato::quant {
namespace {

TEST(CodeLayout, has_the_sizes_of_the_format) {
  struct Case {
    CodeKind kind;
    std::uint32_t dim;
    std::uint32_t code_bytes;
    std::uint32_t padded_dim;
  };
  for (const Case& expected : {
           Case{CodeKind::kSq8, 1, 16, 16},
           Case{CodeKind::kSq8, 16, 16, 16},
           Case{CodeKind::kSq8, 17, 32, 32},
           Case{CodeKind::kSq8, 768, 768, 768},
           Case{CodeKind::kSq8, 16384, 16384, 16384},
           Case{CodeKind::kSq4, 1, 16, 32},
           Case{CodeKind::kSq4, 32, 16, 32},
           Case{CodeKind::kSq4, 33, 32, 64},
           Case{CodeKind::kSq4, 128, 64, 128},
           Case{CodeKind::kSq4, 129, 80, 160},
           Case{CodeKind::kSq4, 768, 384, 768},
           Case{CodeKind::kSq4, 16384, 8192, 16384},
       }) {
    SCOPED_TRACE(std::string(to_string(expected.kind)) + ", dim " + std::to_string(expected.dim));
    const CodeLayout layout = CodeLayout::of(expected.kind, expected.dim);
    EXPECT_EQ(layout.code_bytes, expected.code_bytes);
    EXPECT_EQ(layout.padded_dim, expected.padded_dim);
    EXPECT_EQ(layout.stride_bytes, expected.code_bytes + 16);
  }
}

TEST(CodeLayout, holds_every_dimension_in_whole_steps_of_16_bytes) {
  for (const CodeKind kind : {CodeKind::kSq8, CodeKind::kSq4}) {
    for (std::uint32_t dim = 1; dim <= limits::kDimMax; ++dim) {
      const CodeLayout layout = CodeLayout::of(kind, dim);
      ASSERT_EQ(layout.code_bytes % 16, 0U);
      ASSERT_GE(layout.padded_dim, dim);
      ASSERT_LT(layout.padded_dim, dim + 32);
      ASSERT_EQ(layout.padded_dim, layout.code_bytes * (kind == CodeKind::kSq4 ? 2 : 1));
    }
  }
}

TEST(CodeLayout, ends_with_a_shorter_block) {
  const CodeLayout layout = CodeLayout::of(CodeKind::kSq4, 300);
  ASSERT_EQ(layout.code_bytes, 160U);
  EXPECT_EQ(layout.block_bytes(0), 64U);
  EXPECT_EQ(layout.block_bytes(64), 64U);
  EXPECT_EQ(layout.block_bytes(128), 32U);
}

}  // namespace
}  // namespace vibrato::quant

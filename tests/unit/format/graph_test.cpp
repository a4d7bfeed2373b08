// The graph section: what is written is read back, each bad header field is named.
#include "format/graph.hpp"

#include <cstring>
#include <gtest/gtest.h>

#include "support/graph_arrays.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

using test::GraphArrays;
using test::GraphSection;

GraphArrays small_graph() {
  GraphArrays arrays = GraphArrays::ring(5);
  arrays.add_upper(1, 1);
  arrays.add_upper(3, 2);
  arrays.header.entry_row = 3;
  arrays.header.entry_upper = 1;
  arrays.header.max_level = 2;
  arrays.upper_lists[0] = 1;
  return arrays;
}

Result<GraphView> parse(GraphSection& section, std::uint32_t row_count = 5) {
  return parse_graph_section(section.bytes(), row_count, "a.vdb", 128);
}

TEST(GraphSection, reads_back_what_was_written) {
  const GraphArrays arrays = small_graph();
  GraphSection section(arrays.view());
  EXPECT_EQ(section.bytes().size(), 64U + 4 * (5 * 16 + 2 + 3 + 3 * 4));
  const auto view = parse(section);
  ASSERT_OK(view);
  EXPECT_TRUE(GraphArrays::copy_of(*view) == arrays);
  EXPECT_EQ(view->m, 4U);
  EXPECT_EQ(view->m0, 16U);
  EXPECT_EQ(view->ef_construction, 10U);
  EXPECT_EQ(view->upper_list(1, 2), view->upper_lists + 2 * view->m);
  EXPECT_EQ(view->upper_list(1, 3), nullptr);
  EXPECT_EQ(view->upper_list(2, 1), nullptr);
}

TEST(GraphSection, reads_back_an_empty_graph) {
  GraphSection section(GraphArrays::ring(0).view());
  const auto view = parse(section, 0);
  ASSERT_OK(view);
  EXPECT_EQ(view->row_count, 0U);
  EXPECT_EQ(view->entry_row, kNoNeighbour);
}

TEST(GraphSection, has_the_bytes_of_the_format) {
  GraphArrays arrays = GraphArrays::ring(1);
  GraphSection section(arrays.view());
  const std::span<const std::byte> bytes = section.bytes();
  const std::uint8_t expected[] = {1, 0, 0, 0, 4,    0,    0,    0,    16, 0, 0, 0, 10, 0, 0, 0,
                                   0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0,  0, 0, 0, 0,  0, 0, 0};
  EXPECT_EQ(std::memcmp(bytes.data(), expected, sizeof(expected)), 0);
  ASSERT_EQ(bytes.size(), 64U + 64 + 4);
  EXPECT_EQ(bytes[64], std::byte{0xff});
  EXPECT_EQ(bytes[128], std::byte{0});
}

struct BadField {
  std::size_t offset;
  std::uint32_t value;
  const char* message;
};

TEST(GraphSection, names_bad_header_fields) {
  for (const BadField& bad : {
           BadField{0, 6, "row count differs from the file's"},
           BadField{4, 1, "m is out of range"},
           BadField{4, 129, "m is out of range"},
           BadField{8, 0, "m0 is out of range"},
           BadField{8, 24, "m0 is out of range"},
           BadField{8, 528, "m0 is out of range"},
           BadField{16, 5, "entry row is out of range"},
           BadField{20, 2, "upper entry is out of range"},
           BadField{20, kNoNeighbour, "max level and upper entry disagree"},
           BadField{24, 0, "max level and upper entry disagree"},
           BadField{24, 65, "max level is out of range"},
           BadField{28, 6, "more upper rows than rows"},
           BadField{32, 129, "more upper lists than levels allow"},
           BadField{36, 1, "more upper lists than levels allow"},
           BadField{32, 4, "expected 468 bytes, found 452"},
       }) {
    GraphSection section(small_graph().view());
    std::memcpy(section.bytes().data() + bad.offset, &bad.value, sizeof(bad.value));
    const auto view = parse(section);
    ASSERT_TRUE(test::has_code(view, ErrorCode::kCorruption));
    EXPECT_EQ(view.status().message(), std::string("a.vdb: graph section at offset 128: ") + bad.message);
  }
}

TEST(GraphSection, refuses_offsets_that_do_not_end_with_the_lists) {
  GraphArrays arrays = small_graph();
  arrays.upper_offsets.back() = 2;
  GraphSection section(arrays.view());
  EXPECT_CODE(parse(section), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format

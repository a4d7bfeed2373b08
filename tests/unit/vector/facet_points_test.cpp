// Facets over hot and sealed parts whose values do not fit into memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filter/meta_value.hpp"
#include "support/made_collection.hpp"
#include "vector/listing.hpp"

namespace vibrato::vector {
namespace {

using test::MadeCollection;
using test::number_id;

TEST(FacetPoints, count_values_of_all_parts_within_their_memory) {
  constexpr std::uint32_t kRows = 60;
  MadeCollection made(test::small_settings(1, Metric::kDot));
  std::size_t bytes = 0;
  for (std::uint32_t row = 0; row < kRows; ++row) {
    // Numbers, texts that indexes have, and those that only the rows themselves have.
    const std::string text = fmt::format("{}{}", std::string(row % 3 == 1 ? 10 : 400, 'x'), row);
    const std::string value = row % 3 == 0 ? std::to_string(row) : '"' + text + '"';
    made.put(number_id(row), std::vector<float>{1}, R"({"v":)" + value + "}");
    bytes += filter::FacetCounts::bytes_of(row % 3 == 0 ? filter::Scalar(filter::Number::from_unsigned(row))
                                                        : filter::Scalar(text));
    if (row == kRows / 2) {
      made.publish();
      made.seal();
    }
  }
  made.publish();
  const filter::FieldPath path = filter::path_of("v");
  for (const std::size_t bytes_max : {bytes, bytes + 1}) {
    const auto values = facet_points(*made, path, nullptr, kRows, Deadline(), bytes_max);
    ASSERT_OK(values);
    EXPECT_EQ(values->size(), kRows);
  }
  EXPECT_CODE(facet_points(*made, path, nullptr, 1, Deadline(), bytes - 1), ErrorCode::kPayloadTooLarge);
  const filter::Filter few{filter::HasId{{PointId(1), PointId(59)}}};
  EXPECT_OK(facet_points(*made, path, &few, 1, Deadline(), bytes - 1)) << "of fewer points there are fewer values";
}

}  // namespace
}  // namespace vibrato::vector

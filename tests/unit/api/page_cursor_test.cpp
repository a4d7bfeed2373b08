// Cursors: what an id is written as is read again, and nothing else.
#include "api/page_cursor.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::api {
namespace {

TEST(PageCursor, reads_what_it_writes) {
  const PointId longest(std::string(limits::kPointIdBytesMax, '\xc3'));
  for (const PointId& id : {PointId(std::uint64_t{0}), PointId(std::numeric_limits<std::uint64_t>::max()),
                            PointId(std::string("7")), PointId(std::string("id \xc3\xa4")), longest}) {
    const auto read = read_cursor(write_cursor(id.view()));
    ASSERT_OK(read);
    EXPECT_EQ(*read, id);
  }
}

TEST(PageCursor, refuses_what_no_id_is_written_as) {
  const std::string too_long(2 * limits::kPointIdBytesMax + 2, '0');
  for (const std::string& text :
       {std::string(), std::string("n"), std::string("t"), std::string("n-1"), std::string("n007"),
        std::string("n18446744073709551616"), std::string("n1 "), std::string("t6"), std::string("t6G"),
        std::string("t6A"), std::string("x00"), 't' + too_long}) {
    EXPECT_CODE(read_cursor(text), ErrorCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace vibrato::api

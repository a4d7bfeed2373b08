// Any bytes as the cursor of a listing: an error, or what an id is written as. And any bytes as an id: what it is
// written as is read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vibrato/check.hpp>

#include "api/page_cursor.hpp"
#include "base/limits.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vibrato;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto read = api::read_cursor(text);
  VIBRATO_CHECK(read.ok() || read.status().code() == ErrorCode::kInvalidArgument);
  VIBRATO_CHECK(!read.ok() || api::write_cursor(read->view()) == text);
  if (!text.empty() && size <= limits::kPointIdBytesMax) {
    const PointId id(text);
    const auto again = api::read_cursor(api::write_cursor(id.view()));
    VIBRATO_CHECK(again.ok() && *again == id);
  }
  return 0;
}

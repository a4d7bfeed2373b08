// Any bytes as the body of a log record, the first byte choosing of which: what is accepted is written again as the
// same bytes, so nothing in it was overlooked. Also as settings of a collection, and as a JSON text with its patch.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vibrato/check.hpp>

#include "format/doc_records.hpp"
#include "format/event_record.hpp"
#include "format/idempotency_record.hpp"
#include "format/merge_patch.hpp"
#include "format/sql_record.hpp"
#include "format/state_records.hpp"
#include "format/vector_records.hpp"
#include "vector/collection_settings.hpp"

namespace {

using namespace vibrato;

void check_settings_text(std::string_view text) {
  const auto settings = vector::parse_settings(text);
  if (!settings.ok()) return;
  const auto again = vector::parse_settings(vector::settings_json(*settings));
  VIBRATO_CHECK(again.ok() && *again == *settings);
}

void check_created(std::span<const std::byte> body) {
  const auto record = format::decode_collection_created(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_collection_created(*record), body));
  check_settings_text(record->settings);
}

void check_put(std::span<const std::byte> body) {
  const auto record = format::decode_point_put(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_point_put(*record), body));
}

void check_deleted(std::span<const std::byte> body) {
  const auto id = format::decode_point_deleted(body);
  if (!id.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_point_deleted(*id), body));
}

void check_imported(std::span<const std::byte> body) {
  const auto record = format::decode_vectors_imported(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_vectors_imported(*record), body));
}

void check_idempotency(std::span<const std::byte> body) {
  const auto record = format::decode_idempotency_record(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_idempotency_record(*record), body));
}

void check_state_put(std::span<const std::byte> body) {
  const auto record = format::decode_state_put(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_state_put(*record), body));
}

void check_state_deleted(std::span<const std::byte> body) {
  const auto record = format::decode_state_deleted(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_state_deleted(*record), body));
}

void check_doc_put(std::span<const std::byte> body) {
  const auto record = format::decode_doc_put(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_doc_put(*record), body));
}

void check_doc_deleted(std::span<const std::byte> body) {
  const auto record = format::decode_doc_deleted(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_doc_deleted(*record), body));
}

void check_sql(std::span<const std::byte> body) {
  const auto record = format::decode_sql_record(body);
  if (!record.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_sql_record(*record), body));
}

void check_user_event(std::span<const std::byte> body) {
  const auto event = format::decode_user_event(body);
  if (!event.ok()) return;
  VIBRATO_CHECK(std::ranges::equal(format::encode_user_event(*event), body));
}

void check_patch(std::string_view text) {
  const std::size_t line = std::min(text.find('\n'), text.size());
  const auto merged = format::merge_patch(text.substr(0, line), text.substr(std::min(line + 1, text.size())));
  VIBRATO_CHECK(!merged.ok() || format::check_json_text(*merged).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto body = std::as_bytes(std::span(data, size)).subspan(1);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'c':
      check_created(body);
      break;
    case 'p':
      check_put(body);
      break;
    case 'd':
      check_deleted(body);
      break;
    case 'v':
      check_imported(body);
      break;
    case 'i':
      check_idempotency(body);
      break;
    case 'k':
      check_state_put(body);
      break;
    case 'l':
      check_state_deleted(body);
      break;
    case 'o':
      check_doc_put(body);
      break;
    case 'x':
      check_doc_deleted(body);
      break;
    case 'q':
      check_sql(body);
      break;
    case 'e':
      check_user_event(body);
      break;
    case 's':
      check_settings_text(text);
      break;
    default:
      check_patch(text);
  }
  return 0;
}

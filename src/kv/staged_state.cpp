#include "kv/staged_state.hpp"

#include <algorithm>
#include <vibrato/check.hpp>

#include "format/state_records.hpp"

namespace vibrato::kv {

std::string_view StagedState::Keys::of(const wal::StoredRecord& record) {
  if (record.type == static_cast<std::uint16_t>(format::StateRecord::kDeleted)) {
    const auto deleted = format::decode_state_deleted(record.body);
    VIBRATO_CHECK(deleted.ok());  // Our own writes encoded it.
    return deleted->key;
  }
  const auto put = format::decode_state_put(record.body);
  VIBRATO_CHECK(put.ok());
  return put->key;
}

void StagedState::stage(const wal::StoredRecord& record) {
  records_.stage(record);
  if (record.type == static_cast<std::uint16_t>(format::StateRecord::kPut)) {
    const auto put = format::decode_state_put(record.body);
    VIBRATO_CHECK(put.ok());
    next_expiry_ms_ = std::min(next_expiry_ms_, put->expires_at_ms.value_or(next_expiry_ms_));
  }
}

void StagedState::set_applied(Lsn lsn) {
  records_.set_applied(lsn);
  if (records_.is_empty()) {
    next_expiry_ms_ = std::numeric_limits<std::int64_t>::max();
  }
}

}  // namespace vibrato::kv

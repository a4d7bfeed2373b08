#include "events/event_model.hpp"

#include <array>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "events/event_frame.hpp"
#include "format/event_record.hpp"

namespace vibrato::events {
namespace {

constexpr std::array kRecordTypes = {format::kUserEventRecord};

class Append final : public commit::Write {
 public:
  Append(std::vector<std::byte> body, std::shared_ptr<AppendOutcome> outcome)
      : body_(std::move(body)), outcome_(std::move(outcome)) {}

  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    outcome_->offset = effects.next_lsn();
    effects.add(format::kUserEventRecord, CollectionNumber(), std::move(body_));
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return body_.size(); }

 private:
  std::vector<std::byte> body_;
  std::shared_ptr<AppendOutcome> outcome_;
};

bool is_type_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

}  // namespace

std::span<const std::uint16_t> EventModel::record_types() const {
  return kRecordTypes;
}

void EventModel::stage(const wal::StoredRecord& /*record*/) {}

void EventModel::unstage_from(Lsn /*lsn*/) {}

Status EventModel::apply(const wal::StoredRecord& record) {
  return format::decode_user_event(record.body).status();
}

Status EventModel::save(Lsn /*up_to*/) {
  return ok_status();
}

Status EventModel::load() {
  return ok_status();
}

Status check_event_type(std::string_view type) {
  if (type.empty() || type.size() > limits::kEventTypeBytesMax) {
    return invalid_argument(
        fmt::format("type: expected 1 to {} characters, found {}", limits::kEventTypeBytesMax, type.size()));
  }
  for (const char c : type) {
    if (!is_type_character(c)) {
      return invalid_argument("type: expected letters, digits, '_', '.' and '-' only");
    }
  }
  return is_system_event_type(type)
             ? invalid_argument(fmt::format("type: '{}' is an event of the system; choose another name", type))
             : ok_status();
}

Result<std::unique_ptr<commit::Write>> make_append(std::string_view type, std::string_view data_json,
                                                   std::shared_ptr<AppendOutcome> outcome) {
  VIBRATO_RETURN_IF_ERROR(check_event_type(type));
  if (data_json.size() > limits::kStateValueBytesMax) {
    return Status(ErrorCode::kPayloadTooLarge, fmt::format("data: {} bytes of JSON, at most {} are allowed",
                                                           data_json.size(), limits::kStateValueBytesMax));
  }
  auto body = format::encode_user_event({type, data_json});
  return std::unique_ptr<commit::Write>(std::make_unique<Append>(std::move(body), std::move(outcome)));
}

}  // namespace vibrato::events

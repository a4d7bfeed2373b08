// The users' own events as a model of the log. It keeps nothing: the log is where they are, and streams read it there
// (events/event_hub.hpp).
//
//   auto outcome = std::make_shared<events::AppendOutcome>();
//   VIBRATO_ASSIGN_OR_RETURN(auto write, events::make_append(type, data_json, outcome));
//   database.submit(std::move(write), ...);
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "commit/model.hpp"
#include "commit/write.hpp"

namespace vibrato::events {

// Thread-safety: as commit::Model.
class EventModel final : public commit::Model {
 public:
  [[nodiscard]] std::string_view name() const override { return "events"; }
  [[nodiscard]] std::span<const std::uint16_t> record_types() const override;
  void stage(const wal::StoredRecord& record) override;
  void unstage_from(Lsn lsn) override;
  // Errors: kCorruption for bytes that are no event.
  [[nodiscard]] Status apply(const wal::StoredRecord& record) override;
  // Lsn::max(): it never holds the log back.
  [[nodiscard]] Lsn durable_lsn() const override { return Lsn::max(); }
  [[nodiscard]] Status save(Lsn up_to) override;
  [[nodiscard]] Status load() override;
};

// Set before the completion of the write is called.
struct AppendOutcome {
  Lsn offset;  // Of the event.
};

// Whether users may give this type to their events: [A-Za-z0-9_.-]{1,64}, not a system's name, not "gap".
// Errors: kInvalidArgument naming `type`.
[[nodiscard]] Status check_event_type(std::string_view type);

// Appends an event. `data_json` is compact JSON text.
// Errors: those of check_event_type(); kPayloadTooLarge for data over limits::kStateValueBytesMax.
[[nodiscard]] Result<std::unique_ptr<commit::Write>> make_append(std::string_view type, std::string_view data_json,
                                                                 std::shared_ptr<AppendOutcome> outcome);

}  // namespace vibrato::events

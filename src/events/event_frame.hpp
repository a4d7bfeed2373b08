// An event as it goes to whoever follows a stream: the text of a server-sent event, and what filters look at.
//
//   event: <type>
//   id: <lsn>
//   data: {"offset":<lsn>,"ts_ms":<time of the record>,"type":"<type>","data":{...}}
//   <empty line>
//
// Invariant: the bytes follow from the log record and the name of its collection, of which both never change. So an
// event is the same when it is live, replayed, and after a crash.
// Source of the form: https://html.spec.whatwg.org/multipage/server-sent-events.html.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "wal/log.hpp"

namespace vibrato::events {

struct EventFrame {
  Lsn lsn;
  std::string type;
  bool is_users = false;                  // A user appended it.
  std::optional<std::string> key;         // `data.key`, if it has one.
  std::optional<std::string> collection;  // `data.collection`, if it has one.
  std::string text;
};
using EventFramePtr = std::shared_ptr<const EventFrame>;

// The name of a collection of vectors, dropped ones included. Errors: those of whoever knows them; kNotFound.
using CollectionName = std::function<Result<std::string>(CollectionNumber)>;

// The names that the system gives to its events, and "gap": no event of a user is called so.
[[nodiscard]] bool is_system_event_type(std::string_view type);

// The event of a record; nothing for records that are no events (idempotency keys).
// Errors: kCorruption for a body that does not decode, or a type that is unknown; those of `name`.
// Thread-safety: pure, but for `name`.
[[nodiscard]] Result<std::optional<EventFrame>> make_frame(const wal::StoredRecord& record, const CollectionName& name);

// What a stream gets in place of events that are no longer kept: those from `from` to `to`, both included. `dropped` is
// the number of these offsets: there were at most so many events. It has no id, so that a client which reconnects asks
// for the same place again.
[[nodiscard]] std::string gap_frame(Lsn from, Lsn to);

}  // namespace vibrato::events

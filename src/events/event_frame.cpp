#include "events/event_frame.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_writer.hpp"
#include "format/doc_records.hpp"
#include "format/event_record.hpp"
#include "format/idempotency_record.hpp"
#include "format/sql_record.hpp"
#include "format/state_records.hpp"
#include "format/vector_records.hpp"

namespace vibrato::events {
namespace {

constexpr std::string_view kStateUpdated = "state_updated";
constexpr std::string_view kStateDeleted = "state_deleted";
constexpr std::string_view kCollectionCreated = "vector_collection_created";
constexpr std::string_view kCollectionDeleted = "vector_collection_deleted";
constexpr std::string_view kVectorAdded = "vector_added";
constexpr std::string_view kVectorUpserted = "vector_upserted";
constexpr std::string_view kVectorUpdated = "vector_updated";
constexpr std::string_view kVectorDeleted = "vector_deleted";
constexpr std::string_view kVectorsImported = "vectors_imported";
constexpr std::string_view kDocPut = "doc_put";
constexpr std::string_view kDocDeleted = "doc_deleted";
constexpr std::string_view kSqlExecuted = "sql_executed";
constexpr std::string_view kGap = "gap";

constexpr std::array kSystemTypes = {kStateUpdated,
                                     kStateDeleted,
                                     kCollectionCreated,
                                     kCollectionDeleted,
                                     kVectorAdded,
                                     kVectorUpserted,
                                     kVectorUpdated,
                                     kVectorDeleted,
                                     kVectorsImported,
                                     kDocPut,
                                     kDocDeleted,
                                     kSqlExecuted,
                                     kGap};

// JSON text on one line: a line break outside of a string means nothing there, and inside of one there is none.
void write_raw(std::string_view json, JsonWriter& out) {
  if (json.empty()) {
    out.null();
    return;
  }
  if (json.find('\n') == std::string_view::npos && json.find('\r') == std::string_view::npos) {
    out.raw(json);
    return;
  }
  std::string line(json);
  std::erase_if(line, [](char c) { return c == '\r' || c == '\n'; });
  out.raw(line);
}

void write_id(const PointIdView& id, JsonWriter& out) {
  out.key("id");
  if (id.is_text) {
    out.string(id.text);
  } else {
    out.number(id.number);
  }
}

void write_vector(std::span<const std::byte> vector, JsonWriter& out) {
  out.key("vector");
  out.begin_array();
  for (std::size_t at = 0; at + sizeof(float) <= vector.size(); at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, vector.data() + at, sizeof(float));
    out.number(value);
  }
  out.end_array();
}

// Writes one event: what its type is, then the members of its `data`.
class FrameMaker {
 public:
  FrameMaker(const wal::StoredRecord& record, const CollectionName& name) : record_(record), name_(name) {}

  // False: the record is no event.
  Result<bool> make() {
    frame_.lsn = record_.lsn;
    switch (static_cast<format::VectorRecord>(record_.type)) {
      case format::VectorRecord::kCollectionCreated:
        return done(created());
      case format::VectorRecord::kCollectionDropped:
        return done(dropped());
      case format::VectorRecord::kPointPut:
        return done(point_put());
      case format::VectorRecord::kPointDeleted:
        return done(point_deleted());
      case format::VectorRecord::kVectorsImported:
        return done(imported());
    }
    return make_other();
  }
  EventFrame take() && { return std::move(frame_); }

 private:
  static Result<bool> done(const Status& status) {
    VIBRATO_RETURN_IF_ERROR(status);
    return true;
  }

  Result<bool> make_other() {
    switch (record_.type) {
      case format::kIdempotencyRecord:
        return false;
      case static_cast<std::uint16_t>(format::StateRecord::kPut):
        return done(state_put());
      case static_cast<std::uint16_t>(format::StateRecord::kDeleted):
        return done(state_deleted());
      case static_cast<std::uint16_t>(format::DocRecord::kPut):
        return done(doc_put());
      case static_cast<std::uint16_t>(format::DocRecord::kDeleted):
        return done(doc_deleted());
      case format::kSqlExecutedRecord:
        return done(sql_executed());
      case format::kUserEventRecord:
        return done(user_event());
      default:
        return corruption(fmt::format("LSN {}: type of the record: expected one that this version knows, found {:#06x}",
                                      record_.lsn.value(), record_.type));
    }
  }

  // Everything up to the members of `data`.
  void begin(std::string_view type) {
    frame_.type = type;
    fmt::format_to(std::back_inserter(frame_.text),
                   "event: {}\nid: {}\ndata: {{\"offset\":{},\"ts_ms\":{},\"type\":\"{}\",\"data\":", type,
                   record_.lsn.value(), record_.lsn.value(), record_.time_ms, type);
  }
  void end() { frame_.text += "}\n\n"; }

  // `data` is an object; `members` writes what is in it.
  template <typename Members>
  void write(std::string_view type, const Members& members) {
    begin(type);
    JsonWriter json(frame_.text);
    json.begin_object();
    members(json);
    json.end_object();
    end();
  }

  void write_collection(JsonWriter& json) const {
    json.key("collection");
    json.string(*frame_.collection);
  }
  Status find_collection() {
    VIBRATO_ASSIGN_OR_RETURN(frame_.collection, name_(record_.collection));
    return ok_status();
  }

  Status created() {
    VIBRATO_ASSIGN_OR_RETURN(const format::CollectionCreated record, format::decode_collection_created(record_.body));
    const auto settings = nlohmann::json::parse(record.settings, nullptr, false);
    const auto dim = settings.is_object() ? settings.find("dim") : settings.end();
    const auto metric = settings.is_object() ? settings.find("metric") : settings.end();
    if (dim == settings.end() || !dim->is_number_unsigned() || metric == settings.end() || !metric->is_string()) {
      return corruption(
          fmt::format("LSN {}: settings of a collection: expected dim and metric, found others", record_.lsn.value()));
    }
    frame_.collection = record.name;
    write(kCollectionCreated, [&](JsonWriter& json) {
      write_collection(json);
      json.key("dim");
      json.number(dim->get<std::uint64_t>());
      json.key("metric");
      json.string(metric->get_ref<const std::string&>());
    });
    return ok_status();
  }

  Status dropped() {
    VIBRATO_RETURN_IF_ERROR(find_collection());
    write(kCollectionDeleted, [&](JsonWriter& json) { write_collection(json); });
    return ok_status();
  }

  static std::string_view type_of(format::PutOrigin origin) {
    switch (origin) {
      case format::PutOrigin::kAdded:
        return kVectorAdded;
      case format::PutOrigin::kUpserted:
        return kVectorUpserted;
      case format::PutOrigin::kUpdated:
        return kVectorUpdated;
    }
    return kVectorUpserted;
  }

  Status point_put() {
    VIBRATO_ASSIGN_OR_RETURN(const format::PointPut record, format::decode_point_put(record_.body));
    VIBRATO_RETURN_IF_ERROR(find_collection());
    write(type_of(record.origin), [&](JsonWriter& json) {
      write_collection(json);
      write_id(record.id, json);
      write_vector(record.vector, json);
      json.key("meta");
      write_raw(record.meta_json, json);
    });
    return ok_status();
  }

  Status point_deleted() {
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, format::decode_point_deleted(record_.body));
    VIBRATO_RETURN_IF_ERROR(find_collection());
    write(kVectorDeleted, [&](JsonWriter& json) {
      write_collection(json);
      write_id(id, json);
    });
    return ok_status();
  }

  Status imported() {
    VIBRATO_ASSIGN_OR_RETURN(const format::VectorsImported record, format::decode_vectors_imported(record_.body));
    VIBRATO_RETURN_IF_ERROR(find_collection());
    write(kVectorsImported, [&](JsonWriter& json) {
      write_collection(json);
      json.key("points");
      json.number(record.points);
    });
    return ok_status();
  }

  Status state_put() {
    VIBRATO_ASSIGN_OR_RETURN(const format::StatePut record, format::decode_state_put(record_.body));
    frame_.key = record.key;
    write(kStateUpdated, [&](JsonWriter& json) {
      json.key("key");
      json.string(record.key);
      json.key("value");
      write_raw(record.value_json, json);
      json.key("revision");
      json.number(record_.lsn.value());
      json.key("expires_at_ms");
      if (record.expires_at_ms.has_value()) {
        json.number(static_cast<std::uint64_t>(*record.expires_at_ms));
      } else {
        json.null();
      }
    });
    return ok_status();
  }

  Status state_deleted() {
    VIBRATO_ASSIGN_OR_RETURN(const format::StateDeleted record, format::decode_state_deleted(record_.body));
    frame_.key = record.key;
    write(kStateDeleted, [&](JsonWriter& json) {
      json.key("key");
      json.string(record.key);
      json.key("reason");
      json.string(record.reason == format::StateDeleteReason::kTtl ? "ttl" : "explicit");
    });
    return ok_status();
  }

  Status doc_put() {
    VIBRATO_ASSIGN_OR_RETURN(const format::DocPut record, format::decode_doc_put(record_.body));
    frame_.collection = record.collection;
    write(kDocPut, [&](JsonWriter& json) {
      write_collection(json);
      json.key("id");
      json.string(record.id);
      json.key("revision");
      json.number(record_.lsn.value());
      json.key("doc");
      write_raw(record.doc_json, json);
    });
    return ok_status();
  }

  Status doc_deleted() {
    VIBRATO_ASSIGN_OR_RETURN(const format::DocDeleted record, format::decode_doc_deleted(record_.body));
    frame_.collection = record.collection;
    write(kDocDeleted, [&](JsonWriter& json) {
      write_collection(json);
      json.key("id");
      json.string(record.id);
    });
    return ok_status();
  }

  Status sql_executed() {
    VIBRATO_ASSIGN_OR_RETURN(const format::SqlRecord record, format::decode_sql_record(record_.body));
    write(kSqlExecuted, [&](JsonWriter& json) {
      json.key("sql");
      json.string(record.statement);
      json.key("params");
      write_raw(record.parameters, json);
      json.key("rows_affected");
      json.number(record.rows_affected);
    });
    return ok_status();
  }

  Status user_event() {
    VIBRATO_ASSIGN_OR_RETURN(const format::UserEvent record, format::decode_user_event(record_.body));
    frame_.is_users = true;
    note_users_fields(record.data);
    begin(record.type);
    JsonWriter json(frame_.text);
    write_raw(record.data, json);
    end();
    return ok_status();
  }

  // Filters look into what users wrote as into everything else.
  void note_users_fields(std::string_view data) {
    if (data.find("\"key\"") == std::string_view::npos && data.find("\"collection\"") == std::string_view::npos) {
      return;
    }
    const auto json = nlohmann::json::parse(data, nullptr, false);
    if (!json.is_object()) {
      return;
    }
    if (const auto key = json.find("key"); key != json.end() && key->is_string()) {
      frame_.key = key->get<std::string>();
    }
    if (const auto collection = json.find("collection"); collection != json.end() && collection->is_string()) {
      frame_.collection = collection->get<std::string>();
    }
  }

  const wal::StoredRecord& record_;
  const CollectionName& name_;
  EventFrame frame_;
};

}  // namespace

bool is_system_event_type(std::string_view type) {
  return std::ranges::find(kSystemTypes, type) != kSystemTypes.end();
}

Result<std::optional<EventFrame>> make_frame(const wal::StoredRecord& record, const CollectionName& name) {
  FrameMaker maker(record, name);
  VIBRATO_ASSIGN_OR_RETURN(const bool is_event, maker.make());
  return is_event ? std::optional(std::move(maker).take()) : std::nullopt;
}

std::string gap_frame(Lsn from, Lsn to) {
  return fmt::format("event: {}\ndata: {{\"from_offset\":{},\"to_offset\":{},\"dropped\":{}}}\n\n", kGap, from.value(),
                     to.value(), to.value() - from.value() + 1);
}

}  // namespace vibrato::events

// One collection as of an LSN: the store of then is built beside, both are compared point by point, and what differs is
// written to a copy of the store of now, as any other write. The copy is swapped in at the end.
#include <algorithm>

#include "engine/patient_writes.hpp"
#include "engine/replay_plan.hpp"
#include "engine/whole_change.hpp"
#include "io/safe_path.hpp"

namespace vibrato::engine {
namespace {

// The database of then, without background work.
Result<std::unique_ptr<Database>> open_past(const OfflineContext& context, const DatabaseOptions& options,
                                            const DataFolder& site, MetricsRegistry& metrics) {
  DatabaseOptions past = options;
  past.data_folder = site.root();
  past.disk_reserve_bytes = 0;
  past.background_threads = 0;
  VIBRATO_ASSIGN_OR_RETURN(auto database, Database::open(context.fs, past, context.clock, context.logger, metrics));
  VIBRATO_RETURN_IF_ERROR(database->start());
  return database;
}

bool same_point(const vector::Point& now, std::span<const float> vector, std::string_view meta_json) {
  return now.meta_json == meta_json && std::ranges::equal(now.vector, vector);
}

// Removes what was not there then, and puts what was there or was another.
Status bring_back(const vector::Collection& then, const vector::Collection& now, PatientWrites& writes) {
  const Status removed = visit_points(now, [&](const vector::Segment& segment, std::uint32_t row) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, segment.id(row));
    VIBRATO_ASSIGN_OR_RETURN(const auto past, then.get(id));
    return past.has_value() ? ok_status() : writes.remove(PointId(id));
  });
  VIBRATO_RETURN_IF_ERROR(removed);
  const Status put = visit_points(then, [&](const vector::Segment& segment, std::uint32_t row) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, segment.id(row));
    VIBRATO_ASSIGN_OR_RETURN(const std::span<const float> vector, segment.vector(row));
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view meta_json, segment.meta_json(row));
    VIBRATO_ASSIGN_OR_RETURN(const auto present, now.get(id));
    if (present.has_value() && same_point(*present, vector, meta_json)) {
      return ok_status();
    }
    return writes.put({PointId(id), {vector.begin(), vector.end()}, std::string(meta_json)});
  });
  VIBRATO_RETURN_IF_ERROR(put);
  return writes.flush();
}

// The collection to write to: the present one, or a new one if it is gone or is another of the same name.
Result<vector::CollectionPtr> present_collection(Database& database, const std::string& name,
                                                 const vector::CollectionSettings& settings) {
  const auto present = database.vectors().find(name);
  if (present.ok() && !((*present)->settings() == settings)) {
    VIBRATO_RETURN_IF_ERROR(commit_patiently(
        database, Database::Kind::kAdmin, nullptr,
        [&]() -> Result<vector::WritePtr> { return vector::make_drop_collection(database.vectors(), name); }));
  }
  return ensure_collection(database, name, settings);
}

// Ok if the collection was there; the copy has it then, as it was.
Status compare_and_write(const OfflineContext& context, const DatabaseOptions& options, const WholeChange& change,
                         RestoreReport& report, const std::string& name) {
  MetricsRegistry past_metrics;
  VIBRATO_ASSIGN_OR_RETURN(const auto past, open_past(context, options, change.side_site(), past_metrics));
  const auto then = past->vectors().find(name);
  if (!then.ok()) {
    return not_found("there was no collection " + name + " at LSN " + std::to_string(report.lsn.value()));
  }
  MetricsRegistry metrics;
  VIBRATO_ASSIGN_OR_RETURN(const auto database, change.open(metrics));
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr now, present_collection(*database, name, (*then)->settings()));
  PatientWrites writes(*database, now);
  VIBRATO_RETURN_IF_ERROR(bring_back(**then, *now, writes));
  context.logger.info("collection {}: {} points put, {} deleted", name, writes.puts(), writes.removals());
  report.end = database->visible_lsn();
  database->stop();
  return ok_status();
}

}  // namespace

Result<RestoreReport> replay_collection(const OfflineContext& context, const DatabaseOptions& options, Lsn target,
                                        const std::string& name) {
  VIBRATO_RETURN_IF_ERROR(io::check_name(name));
  VIBRATO_RETURN_IF_ERROR(context.fs.stat(options.data_folder).status());
  VIBRATO_ASSIGN_OR_RETURN(const Lsn last, look_at_database(context, options, [](Database&) { return ok_status(); }));
  VIBRATO_ASSIGN_OR_RETURN(const auto change, WholeChange::begin(context, options, last));
  VIBRATO_ASSIGN_OR_RETURN(const KeptState kept, change->data().kept(""));
  VIBRATO_ASSIGN_OR_RETURN(const BuiltState built,
                           build_at(context, options, change->data(), change->side_site(), kept, target));
  RestoreReport report;
  report.lsn = built.lsn;
  report.collections = 1;
  VIBRATO_RETURN_IF_ERROR(compare_and_write(context, options, *change, report, name));
  VIBRATO_RETURN_IF_ERROR(change->finish());
  return report;
}

}  // namespace vibrato::engine

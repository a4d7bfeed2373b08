#include "engine/migration_note.hpp"

#include <nlohmann/json.hpp>

namespace vibrato::engine {
namespace {

using nlohmann::json;

constexpr std::string_view kKind = "migrate";
constexpr std::uint32_t kJobsLookedAt = 1000;

// Nothing for a job that is no note, or was told.
std::optional<MigrationNote> untold_of(const catalog::Job& job) {
  const json details = json::parse(job.details, nullptr, false);
  if (job.kind != kKind || !details.is_object() || details.value("told", json()) != json(false)) {
    return std::nullopt;
  }
  const auto text = [&details](const char* name) {
    const auto found = details.find(name);
    return found != details.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto number = [&details](const char* name) {
    const auto found = details.find(name);
    return found != details.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  };
  MigrationNote note;
  note.job_id = job.id;
  note.collection = text("collection");
  note.collection_number = CollectionNumber(static_cast<std::uint32_t>(number("collection_number")));
  note.input_sha256 = text("input_sha256");
  note.report = {text("segment"), number("rows"), true};
  return note;
}

}  // namespace

Status note_migration(catalog::Catalog& catalog, const Clock& clock, const MigrationNote& note) {
  catalog::Job job;
  job.id = note.job_id;
  job.kind = kKind;
  job.state = catalog::JobState::kCompleted;
  job.started_at_ms = clock.now_ms();
  job.finished_at_ms = job.started_at_ms;
  job.details = json{{"collection", note.collection},     {"collection_number", note.collection_number.value()},
                     {"input_sha256", note.input_sha256}, {"rows", note.report.rows},
                     {"segment", note.report.segment},    {"told", false}}
                    .dump();
  return catalog.write([&job](catalog::Tables& tables) { return tables.jobs.insert(job); });
}

Result<std::optional<MigrationNote>> find_untold_migration(const catalog::Catalog& catalog,
                                                           const std::string& input_sha256,
                                                           CollectionNumber collection) {
  VIBRATO_ASSIGN_OR_RETURN(
      const auto jobs, catalog.read([](const catalog::Tables& tables) { return tables.jobs.newest(kJobsLookedAt); }));
  for (const catalog::Job& job : jobs) {
    auto note = untold_of(job);
    if (note.has_value() && note->input_sha256 == input_sha256 && note->collection_number == collection) {
      return note;
    }
  }
  return std::optional<MigrationNote>();
}

Status note_as_told(catalog::Catalog& catalog, const std::string& job_id) {
  return catalog.write([&job_id](catalog::Tables& tables) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(auto job, tables.jobs.find(job_id));
    if (!job.has_value()) {
      return ok_status();
    }
    json details = json::parse(job->details, nullptr, false);
    if (details.is_object()) {
      details["told"] = true;
      job->details = details.dump();
    }
    return tables.jobs.update(*job);
  });
}

}  // namespace vibrato::engine

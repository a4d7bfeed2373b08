// Long admin work: what runs, and how what ran ended. A job that runs lives in its process; this is its record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/statements.hpp"

namespace vibrato::catalog {

enum class JobState : std::uint8_t {
  kRunning,
  kCompleted,
  kFailed,
  kInterrupted,  // Its process ended first.
};

[[nodiscard]] std::string_view to_string(JobState state);

struct Job {
  std::string id;
  std::string kind;  // "checkpoint", "compact", "snapshot", ...
  JobState state = JobState::kRunning;
  std::int64_t started_at_ms = 0;
  std::optional<std::int64_t> finished_at_ms;
  std::string details = "{}";  // JSON.
  std::optional<std::string> error;

  friend bool operator==(const Job&, const Job&) = default;
};

// Thread-safety: that of the Catalog.
class JobsTable {
 public:
  [[nodiscard]] static Result<JobsTable> open(sqlite::Connection& connection);

  // At most `limit`, newest first.
  [[nodiscard]] Result<std::vector<Job>> newest(std::uint32_t limit) const;
  [[nodiscard]] Result<std::optional<Job>> find(std::string_view id) const;
  // Errors: kAlreadyExists for the id, kInvalidArgument when details are no JSON.
  [[nodiscard]] Status insert(const Job& job);
  // Replaces state, finish, details and error of the job with that id. kNotFound if there is none.
  [[nodiscard]] Status update(const Job& job);
  // At start: what a former process left running will not end any more.
  [[nodiscard]] Status interrupt_running(std::int64_t now_ms);
  // Drops the oldest that do not run, until at most `jobs_max` are left.
  [[nodiscard]] Status trim(std::uint64_t jobs_max);

 private:
  explicit JobsTable(Statements statements) : statements_(std::move(statements)) {}

  Statements statements_;
};

}  // namespace vibrato::catalog

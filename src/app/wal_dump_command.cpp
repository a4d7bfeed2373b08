// `vibratod wal-dump`: the records of a database's log as lines of JSON. Reads only, makes no file, not even a lock,
// and refuses while a server holds the folder.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>

#include "app/commands.hpp"
#include "io/real_file_system.hpp"
#include "wal/local_log.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kWalDumpExamples =
    "  vibratod wal-dump --data-dir data\n"
    "  vibratod wal-dump --data-dir data --from-lsn 1000 --limit 10 --body-bytes 0";

struct WalDumpOptions {
  std::string data_dir;
  std::uint64_t from_lsn = 0;
  std::uint64_t limit = UINT64_MAX;
  std::uint64_t body_bytes = 64;
};

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  }
  return text;
}

std::string json_line(const wal::StoredRecord& record, std::uint64_t body_bytes) {
  nlohmann::ordered_json line;
  line["lsn"] = record.lsn.value();
  line["time_ms"] = record.time_ms;
  line["type"] = record.type;
  line["collection"] = record.collection.value();
  line["last_of_group"] = record.last_of_group;
  line["body_bytes"] = record.body.size();
  if (body_bytes > 0) {
    line["body_hex"] =
        hex(record.body.first(static_cast<std::size_t>(std::min<std::uint64_t>(body_bytes, record.body.size()))));
  }
  return line.dump();
}

// Null where nobody can hold the folder: without a lock file (a snapshot, a copy), or where no file can be written to.
Result<std::unique_ptr<io::DirectoryLock>> lock_if_held(const std::string& path, CommandContext& context) {
  const Status lock_file = context.fs.stat(path + "/LOCK").status();
  if (lock_file.code() == ErrorCode::kNotFound) return std::unique_ptr<io::DirectoryLock>();
  auto lock = context.fs.lock_directory(path);
  if (lock.status().code() == ErrorCode::kConflict) {
    return unavailable("another process holds the data folder " + path +
                       "; stop it, or dump the log of a copy: snapshot-create --server URL --key KEY makes one in " +
                       path + "/snapshots, and --data-dir takes it");
  }
  if (!lock.ok()) {
    context.err << "vibratod: the folder is read without its lock (" << lock.status().message()
                << "); if a server writes to it, the end may be missing\n";
    return std::unique_ptr<io::DirectoryLock>();
  }
  return lock;
}

Status dump(const WalDumpOptions& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::resolve_path(options.data_dir));
  const std::string folder = path + "/wal";
  if (const auto found = context.fs.stat(folder); !found.ok()) {
    return found.status().with_context("there is no log in " + path);
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto lock, lock_if_held(path, context));
  wal::LocalLogOptions log_options;
  log_options.read_only = true;
  VIBRATO_ASSIGN_OR_RETURN(const auto log, wal::LocalLog::open(context.fs, folder, log_options));
  const Lsn from = options.from_lsn == 0 ? log->stats().oldest_lsn : Lsn(options.from_lsn);
  VIBRATO_ASSIGN_OR_RETURN(const auto cursor, log->read_from(from));
  for (std::uint64_t printed = 0; printed < options.limit; ++printed) {
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<wal::StoredRecord> record, cursor->next());
    if (!record.has_value()) {
      break;
    }
    context.out << json_line(*record, options.body_bytes) << '\n';
  }
  if (const Status& torn = log->open_report().torn; !torn.ok()) {
    context.err << "vibratod: the log was not closed; what was being written at its end is left out: " << torn.message()
                << '\n';
  }
  // Damage: what comes before it was printed, and the exit code says that it is not all.
  const Status health = log->health();
  return health.code() == ErrorCode::kCorruption ? health : ok_status();
}

ExitCode run_wal_dump(const WalDumpOptions& options, CommandContext& context) {
  const Status status = dump(options, context);
  return status.ok() ? ExitCode::kDone : fail(context, status);
}

}  // namespace

Command make_wal_dump_command() {
  Command command{"wal-dump", CommandGroup::kOperations, "show the records of a log", kWalDumpExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<WalDumpOptions>();
    app.add_option("--data-dir", options->data_dir, "the folder of the database, or a snapshot")
        ->required()
        ->type_name("FOLDER");
    app.add_option("--from-lsn", options->from_lsn, "the first position to show; the oldest kept if it is left out")
        ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
    app.add_option("--limit", options->limit, "show at most so many records")
        ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
    app.add_option("--body-bytes", options->body_bytes, "show so many bytes of each body, in hexadecimal")
        ->capture_default_str();
    return [options](CommandContext& context) { return run_wal_dump(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app

// `vibratod snapshot-create`: the state of a database at one moment, as a folder of its own.
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <thread>

#include "app/commands.hpp"
#include "app/offline_run.hpp"
#include "app/remote_server.hpp"
#include "io/safe_path.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kSnapshotCreateExamples =
    "  vibratod snapshot-create --data-dir data --name before-upgrade\n"
    "  vibratod snapshot-create --server http://127.0.0.1:8080 --key ADMIN_KEY";

constexpr std::chrono::milliseconds kLook{500};

struct SnapshotCreateOptions {
  OfflineFlags offline;
  RemoteFlags remote;
  std::string name;
};

void print_snapshot(CommandContext& context, const std::string& name, const std::string& folder, std::uint64_t lsn,
                    std::uint64_t segments, std::uint64_t bytes) {
  context.out << "snapshot_id=" << name << "\nsnapshot_dir=" << folder << "\nlsn=" << lsn << "\nsegments=" << segments
              << "\nbytes=" << bytes << '\n';
}

ExitCode snapshot_in_folder(const SnapshotCreateOptions& options, CommandContext& context) {
  return run_offline(context, options.offline, FolderRule::kMustExist, "snapshot",
                     [&](const engine::OfflineContext& offline, const engine::DatabaseOptions& database) -> Status {
                       VIBRATO_ASSIGN_OR_RETURN(const engine::SnapshotReport report,
                                                engine::create_snapshot(offline, database, options.name));
                       print_snapshot(context, report.name, report.folder, report.lsn.value(), report.segments,
                                      report.bytes);
                       return ok_status();
                     });
}

// An answer about a job, asked for again until the job has ended.
Result<nlohmann::json> ended_job(RemoteServer& server, const std::string& first_answer) {
  const Status no_job = io_error("the server's answer is no job; is --server a vibratod?");
  nlohmann::json job = nlohmann::json::parse(first_answer, nullptr, false);
  for (;;) {
    if (!job.is_object() || !job.contains("job_id") || !job["job_id"].is_string() || !job.contains("state")) {
      return no_job;
    }
    if (job["state"] == "completed") return job;
    if (job["state"] != "running") return unavailable("the snapshot ended as " + job.dump());
    std::this_thread::sleep_for(kLook);
    const std::string path = "/v1/admin/jobs/" + job["job_id"].get<std::string>();
    VIBRATO_ASSIGN_OR_RETURN(const std::string answer, server.call(api::Method::kGet, path));
    job = nlohmann::json::parse(answer, nullptr, false);
  }
}

Status snapshot_at_server(const SnapshotCreateOptions& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.remote));
  const nlohmann::json body = options.name.empty() ? nlohmann::json::object() : nlohmann::json{{"name", options.name}};
  VIBRATO_ASSIGN_OR_RETURN(const std::string answer,
                           server.call(api::Method::kPost, "/v1/admin/snapshot", body.dump()));
  VIBRATO_ASSIGN_OR_RETURN(const nlohmann::json job, ended_job(server, answer));
  const nlohmann::json details = job.value("details", nlohmann::json::object());
  print_snapshot(context, details.value("snapshot", ""), details.value("folder", ""),
                 details.value("lsn", std::uint64_t{0}), details.value("segments", std::uint64_t{0}),
                 details.value("bytes", std::uint64_t{0}));
  return ok_status();
}

ExitCode run_snapshot_create(const SnapshotCreateOptions& options, CommandContext& context) {
  if (const Status remote = check_remote_flags(options.remote); !remote.ok()) {
    return refuse_usage(context, remote.message());
  }
  if (!options.name.empty() && !io::is_safe_name(options.name)) {
    return refuse_usage(context, "--name: " + io::check_name(options.name).message());
  }
  if (options.remote.server.empty()) return snapshot_in_folder(options, context);
  const Status status = snapshot_at_server(options, context);
  return status.ok() ? ExitCode::kDone : fail(context, status);
}

}  // namespace

Command make_snapshot_create_command() {
  Command command{"snapshot-create", CommandGroup::kOperations, "copy a database at one moment",
                  kSnapshotCreateExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<SnapshotCreateOptions>();
    add_offline_flags(app, options->offline);
    add_remote_flags(app, options->remote, "let this server do it, in its own folder")
        ->excludes(app.get_option("--data-dir"));
    app.add_option("--name", options->name, "what the snapshot is called; made if left out")->type_name("NAME");
    return [options](CommandContext& context) { return run_snapshot_create(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app

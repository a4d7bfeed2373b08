// `vibratod import`: a file of points into a collection of a running server, all at once.
#include <CLI/CLI.hpp>
#include <istream>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>

#include "app/commands.hpp"
#include "app/progress_bar.hpp"
#include "app/remote_server.hpp"
#include "app/stop_signals.hpp"
#include "app/text_format.hpp"
#include "io/real_file_system.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kImportExamples =
    "  vibratod import --server http://127.0.0.1:8080 --key KEY --collection docs --input docs.ndjson\n"
    "  vibratod import --server http://127.0.0.1:8080 --key KEY --collection docs --input base.fvecs --first-id 1\n"
    "  vibratod export --server URL --key KEY --collection a | \\\n"
    "    vibratod import --server URL --key KEY --collection b --input -";

constexpr std::size_t kPieceBytes = 256 * limits::kKiB;

struct ImportOptions {
  std::string input;
  std::string collection;
  std::string format = "auto";
  std::uint64_t first_id = 0;
  bool progress = false;
  RemoteFlags remote;
};

// Pieces of a file, or of stdin.
class Input {
 public:
  static Result<Input> open(CommandContext& context, const std::string& path) {
    Input input(context.in);
    if (path != "-") {
      VIBRATO_ASSIGN_OR_RETURN(const std::string resolved, io::resolve_path(path));
      VIBRATO_ASSIGN_OR_RETURN(input.file_, context.fs.open(resolved, io::OpenMode::kReadOnly));
      VIBRATO_ASSIGN_OR_RETURN(input.bytes_, input.file_->size());
    }
    return input;
  }

  Status read(std::string& piece) {
    piece.resize(kPieceBytes);
    std::size_t count = 0;
    if (file_ == nullptr) {
      in_->read(piece.data(), static_cast<std::streamsize>(piece.size()));
      count = static_cast<std::size_t>(in_->gcount());
      if (in_->bad()) return io_error("stdin cannot be read");
    } else {
      const auto target = std::as_writable_bytes(std::span(piece.data(), piece.size()));
      VIBRATO_ASSIGN_OR_RETURN(count, file_->read_at(done_, target));
    }
    piece.resize(count);
    done_ += count;
    return ok_status();
  }

  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  // 0: not known.

 private:
  explicit Input(std::istream& in) : in_(&in) {}

  std::istream* in_;
  std::unique_ptr<io::File> file_;
  std::uint64_t bytes_ = 0;
  std::uint64_t done_ = 0;
};

bool is_binary(const ImportOptions& options) {
  if (options.format != "auto") return options.format != "ndjson";
  return options.input.ends_with(".fvecs") || options.input.ends_with(".npy");
}

// The last whole line of an answer that comes in pieces.
class LastLine {
 public:
  Status take(std::string_view piece) {
    text_ += piece;
    for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      last_ = text_.substr(0, end);
      text_.erase(0, end + 1);
    }
    return ok_status();
  }
  [[nodiscard]] const std::string& get() const { return last_; }

 private:
  std::string text_;
  std::string last_;
};

Status send(const ImportOptions& options, CommandContext& context, ProgressBar& bar, const StopSignals& signals) {
  VIBRATO_RETURN_IF_ERROR(check_collection_name(options.collection));
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.remote));
  VIBRATO_ASSIGN_OR_RETURN(Input input, Input::open(context, options.input));
  const bool binary = is_binary(options);
  std::string path = "/v1/vector/" + options.collection + "/import";
  if (binary) path += "?first_id=" + std::to_string(options.first_id);
  server::HttpUpload upload;
  upload.content_type = binary ? "application/octet-stream" : "application/x-ndjson";
  upload.read = [&](std::string& piece) -> Status {
    if (signals.arrived()) return {ErrorCode::kConflict, "stopped; nothing was imported"};
    bar.update(input.done(), input.bytes());
    return input.read(piece);
  };
  LastLine last;
  VIBRATO_RETURN_IF_ERROR(
      server.stream(api::Method::kPost, path, &upload, [&last](std::string_view piece) { return last.take(piece); }));
  const nlohmann::json answer = nlohmann::json::parse(last.get(), nullptr, false);
  if (answer.is_object() && answer.contains("error")) {
    return invalid_argument("nothing was imported: " + answer.value("message", last.get()));
  }
  if (!answer.is_object() || !answer.contains("imported")) {
    return io_error("the server's answer ended before it said what became of the import; look what is there");
  }
  bar.finish(input.done());
  context.out << options.collection << ": " << with_thousands(answer.value("imported", std::uint64_t{0}))
              << " points, lsn " << answer.value("lsn", std::uint64_t{0}) << '\n';
  return ok_status();
}

ExitCode run_import(const ImportOptions& options, CommandContext& context) {
  if (const Status remote = check_remote_flags(options.remote); !remote.ok()) {
    return refuse_usage(context, remote.message());
  }
  const Result<StopSignals> signals = StopSignals::install();
  if (!signals.ok()) return fail(context, signals.status());
  ProgressBar bar(context.err, context.clock, progress_mode(context.err_is_terminal, options.progress), "import",
                  "bytes");
  const Status status = send(options, context, bar, *signals);
  if (status.ok()) return ExitCode::kDone;
  bar.interrupt();
  return fail(context, status);
}

}  // namespace

Command make_import_command() {
  Command command{"import", CommandGroup::kClients, "put a file of points into a running server, all or nothing",
                  kImportExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<ImportOptions>();
    add_remote_flags(app, options->remote, "server to import into")->required();
    app.add_option("--collection", options->collection, "collection of the server")->required()->type_name("NAME");
    app.add_option("-i,--input", options->input,
                   "file to send: ndjson with {id, vector, meta} a line, fvecs or npy; - for stdin")
        ->required()
        ->type_name("FILE");
    app.add_option("--format", options->format, "format of the input; auto goes by the name's end")
        ->check(CLI::IsMember({"auto", "ndjson", "fvecs", "npy"}))
        ->capture_default_str();
    app.add_option("--first-id", options->first_id, "id of the first row of fvecs and npy")->capture_default_str();
    app.add_flag("--progress", options->progress, "show progress even if stderr is no terminal");
    return [options](CommandContext& context) { return run_import(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app

// `vibratod verify`: every checksum of a `.vdb` file and every promise of its graph.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "app/commands.hpp"
#include "app/pack_stats.hpp"
#include "app/progress_bar.hpp"
#include "app/text_format.hpp"
#include "hnsw/validator.hpp"
#include "io/real_file_system.hpp"
#include "store/id_index.hpp"
#include "store/vdb_file.hpp"
#include "vector/sealed_segment.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kVerifyExamples =
    "  vibratod verify vectors.vdb\n"
    "  vibratod verify vectors.vdb || echo damaged";

struct VerifyOptions {
  std::string file;
  bool progress = false;
};

ProgressMode mode_of(const VerifyOptions& options, const CommandContext& context) {
  return progress_mode(context.err_is_terminal, options.progress);
}

store::VerifyProgress progress_of(ProgressBar& bar) {
  return [&bar](std::uint64_t done, std::uint64_t total) {
    bar.update(done, total);
    return ok_status();
  };
}

Result<std::string> verify_bytes(const store::VdbFile& file, const VerifyOptions& options, CommandContext& context) {
  ProgressBar bar(context.err, context.clock, mode_of(options, context), "checking", "bytes");
  VIBRATO_ASSIGN_OR_RETURN(const store::VerifyReport report, file.verify(progress_of(bar)));
  bar.finish(report.bytes);
  if (!report.has_checksums) {
    return fmt::format("version {} has no checksums: only the structure was checked\n", file.version());
  }
  return fmt::format("{} blocks, {} bytes: every checksum is right\n", with_thousands(report.blocks),
                     with_thousands(report.bytes));
}

// The graph by its own rules: right checksums only say that it is as it was written.
Result<std::string> verify_graph(const vector::SealedSegment& segment, const VerifyOptions& options,
                                 CommandContext& context) {
  if (!segment.has_graph()) return std::string("no graph\n");
  const format::GraphView& graph = segment.graph();
  ProgressBar bar(context.err, context.clock, mode_of(options, context), "checking the graph", "steps");
  hnsw::ValidateOptions validate;
  validate.file = segment.file().path();
  validate.progress = [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); };
  VIBRATO_ASSIGN_OR_RETURN(const hnsw::GraphReport report, hnsw::validate_graph(graph, validate));
  std::uint64_t links = 0;
  for (const hnsw::LevelReport& level : report.levels) links += level.edges;
  bar.finish(links);
  return fmt::format("graph of {} rows, {} levels, {} links: whole, every row is reached\n",
                     with_thousands(graph.row_count), report.levels.size(), with_thousands(links));
}

// Ids, LSNs and their tables are checked together with the bytes.
std::string ids_line(const store::VdbFile& file) {
  return store::IdIndex::is_in(file) ? "ids: each is found, and finds its newest row\n" : "no ids\n";
}

// Small parts rarely have a graph; one that is there is checked too.
Result<std::string> verify_pack(const store::PackFile& pack, const VerifyOptions& options, CommandContext& context) {
  ProgressBar bar(context.err, context.clock, mode_of(options, context), "checking", "bytes");
  VIBRATO_ASSIGN_OR_RETURN(const store::VerifyReport report, pack.verify(progress_of(bar)));
  bar.finish(report.bytes);
  for (std::uint32_t part = 0; part < pack.part_count(); ++part) {
    VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbFile> file, pack.open_part(part));
    VIBRATO_ASSIGN_OR_RETURN(const auto segment, vector::SealedSegment::from_file(std::move(file)));
    VIBRATO_RETURN_IF_ERROR(verify_graph(*segment, options, context).status());
  }
  return fmt::format("{}: no damage found\n  {} parts, {} blocks, {} bytes: every checksum is right\n", pack.path(),
                     with_thousands(pack.part_count()), with_thousands(report.blocks), with_thousands(report.bytes));
}

Result<std::string> verify(const VerifyOptions& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::resolve_path(options.file));
  VIBRATO_ASSIGN_OR_RETURN(const auto pack, open_pack(context.fs, path));
  if (pack != nullptr) return verify_pack(*pack, options, context);
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbFile> file, store::VdbFile::open(context.fs, path));
  VIBRATO_ASSIGN_OR_RETURN(std::string bytes, verify_bytes(*file, options, context));
  bytes += "  " + ids_line(*file);
  // Opening a segment checks that the sections of the index fit the rows and each other.
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<vector::SealedSegment> segment,
                           vector::SealedSegment::from_file(std::move(file)));
  VIBRATO_ASSIGN_OR_RETURN(const std::string graph, verify_graph(*segment, options, context));
  return path + ": no damage found\n  " + bytes + "  " + graph;
}

ExitCode run_verify(const VerifyOptions& options, CommandContext& context) {
  const Result<std::string> report = verify(options, context);
  if (!report.ok()) return fail(context, report.status());
  context.out << *report;
  return ExitCode::kDone;
}

}  // namespace

Command make_verify_command() {
  Command command{"verify", CommandGroup::kFiles, "check every byte and the graph of a .vdb file", kVerifyExamples,
                  nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<VerifyOptions>();
    app.add_option("-f,--file,file", options->file, "the file")->required()->type_name("FILE.vdb");
    app.add_flag("--progress", options->progress, "show progress even if stderr is no terminal");
    return [options](CommandContext& context) { return run_verify(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app

// vibrato's own index as the server has it: a `.vdb` file is written, its index is built and stored in it, and searches
// run on the mapped file. What is timed as building is all of that but the last write: rows to disk, checksums,
// the choice of codes, coding, the graph.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include "contender.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/graph_file.hpp"
#include "vector/sealed_segment.hpp"

namespace vibrato::bench {
namespace {

std::string temporary_path() {
  static std::atomic<int> number{0};
  const auto name = "vibrato-bench-" + std::to_string(::getpid()) + "-" + std::to_string(number++) + ".vdb";
  return (std::filesystem::temp_directory_path() / name).string();
}

std::optional<quant::CodeKind> code_kind(const std::string& name) {
  if (name == "none") return quant::CodeKind::kNone;
  if (name == "sq8") return quant::CodeKind::kSq8;
  if (name == "sq4") return quant::CodeKind::kSq4;
  return std::nullopt;
}

class Vibrato final : public Contender {
 public:
  Vibrato() : path_(temporary_path()) {}
  ~Vibrato() override { std::filesystem::remove(path_); }

  std::string name() const override { return "vibrato"; }
  std::string note() const override {
    const auto* quantizer = segment_ ? segment_->space().quantizer : nullptr;
    const auto kind = quantizer != nullptr ? quantizer->layout().kind : quant::CodeKind::kNone;
    return "vibrato: kernels " + std::string(simd::kernels().name) + ", codes " + std::string(quant::to_string(kind));
  }

  Status build(const Matrix& base, const BuildOptions& options) override {
    segment_.reset();
    VIBRATO_RETURN_IF_ERROR(write_rows(base, options.metric));
    VIBRATO_ASSIGN_OR_RETURN(rows_, store::VdbFile::open(files_, path_));
    vector::GraphBuildOptions build;
    build.m = options.m;
    build.ef_construction = options.ef_construction;
    build.codes = code_kind(options.codes);
    build.threads = options.threads;
    build.seed = options.seed;
    VIBRATO_ASSIGN_OR_RETURN(vector::BuiltIndex index, vector::build_index(*rows_, build));
    index_ = std::make_unique<vector::BuiltIndex>(std::move(index));
    return ok_status();
  }

  Status prepare() override {
    VIBRATO_RETURN_IF_ERROR(vector::store_index(files_, *rows_, *index_, path_));
    index_.reset();
    rows_.reset();
    VIBRATO_ASSIGN_OR_RETURN(segment_, vector::SealedSegment::open(files_, path_));
    return ok_status();
  }

  void set_effort(const Effort& effort) override {
    params_.ef = effort.ef;
    params_.slack = effort.slack > 0 ? effort.slack : std::numeric_limits<float>::infinity();
  }

  std::size_t search(std::span<const float> query, std::span<std::uint32_t> out) const override {
    thread_local std::vector<hnsw::Hit> hits;
    hnsw::SearchParams params = params_;
    params.k = static_cast<std::uint32_t>(out.size());
    hnsw::SearchScratch& scratch = hnsw::scratch_of_this_thread();
    if (counting_) {
      hnsw::SearchStats stats;
      hnsw::search(simd::kernels(), segment_->graph(), segment_->space(), query.data(), params, scratch, hits, &stats);
      distances_ += stats.walk.distances;
    } else {
      segment_->search(query.data(), params, scratch, hits);
    }
    for (std::size_t i = 0; i < hits.size(); ++i) out[i] = hits[i].row;
    return hits.size();
  }

  void counting(bool on) override {
    counting_ = on;
    if (on) distances_ = 0;
  }
  std::optional<std::uint64_t> distances() const override { return distances_; }

  // By distance where that serves best, and by effort alone: the frontier of both is what is compared.
  std::vector<Effort> default_efforts() const override {
    std::vector<Effort> efforts;
    for (const float slack : {0.03F, 0.06F, 0.09F, 0.12F, 0.15F, 0.18F, 0.21F, 0.24F, 0.28F, 0.33F}) {
      efforts.push_back({512, slack});
    }
    for (const std::uint32_t ef : {40U, 80U, 120U, 160U, 240U}) efforts.push_back({ef, 0});
    return efforts;
  }

 private:
  Status write_rows(const Matrix& base, Metric metric) {
    store::VdbWriterOptions options;
    options.dim = static_cast<std::uint32_t>(base.dim);
    options.metric = metric;
    VIBRATO_ASSIGN_OR_RETURN(const auto writer, store::VdbRowWriter::create(files_, path_, options));
    for (std::size_t i = 0; i < base.rows; ++i) VIBRATO_RETURN_IF_ERROR(writer->add(base.row(i), {}));
    return writer->commit();
  }

  io::RealFileSystem files_;
  std::string path_;
  std::unique_ptr<store::VdbFile> rows_;
  std::unique_ptr<vector::BuiltIndex> index_;
  std::unique_ptr<vector::SealedSegment> segment_;
  hnsw::SearchParams params_;
  bool counting_ = false;
  mutable std::atomic<std::uint64_t> distances_{0};
};

}  // namespace

std::unique_ptr<Contender> make_vibrato() {
  return std::make_unique<Vibrato>();
}

}  // namespace vibrato::bench

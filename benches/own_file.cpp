// A `.vdb` file as `vibratod serve` opens and searches it: what a user of the server gets, its memory included, as the
// vectors are mapped and only what searches touch is resident. "Building" is opening the file; a graph that is missing
// is built and stored by that. The file must hold the base vectors in their order.
#include <fmt/format.h>
#include <memory>

#include "contender.hpp"
#include "io/real_file_system.hpp"
#include "vector/single_file.hpp"

namespace vibrato::bench {
namespace {

class VibratoFile final : public Contender {
 public:
  explicit VibratoFile(std::string path) : path_(std::move(path)) {}

  std::string name() const override { return "vibrato_file"; }
  std::string note() const override { return "vibrato_file: " + path_ + ", its build time is that of opening it"; }

  Status build(const Matrix& base, const BuildOptions& options) override {
    file_.reset();
    const vector::SingleFileOptions open{.m = options.m,
                                         .ef_construction = options.ef_construction,
                                         .max_ram_buffer_vectors = 1,
                                         .build_threads = options.threads};
    VIBRATO_ASSIGN_OR_RETURN(file_, vector::SingleFile::open(fs_, path_, open, {}));
    const vector::SingleFileInfo info = file_->info();
    if (info.dim != base.dim || info.persisted_vectors != base.rows || info.metric != options.metric) {
      return invalid_argument(fmt::format("{} does not hold the base vectors with this metric", path_));
    }
    return ok_status();
  }

  void set_effort(const Effort& effort) override { ef_ = effort.ef; }

  std::size_t search(std::span<const float> query, std::span<std::uint32_t> out) const override {
    const auto hits = file_->search(query, static_cast<std::uint32_t>(out.size()), ef_);
    if (!hits.ok()) return 0;
    for (std::size_t i = 0; i < hits->size(); ++i) out[i] = (*hits)[i].row;
    return hits->size();
  }

  std::vector<Effort> default_efforts() const override {
    std::vector<Effort> efforts;
    for (const std::uint32_t ef : {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024}) {
      efforts.push_back({ef, 0});
    }
    return efforts;
  }

 private:
  std::string path_;
  io::RealFileSystem fs_;
  std::unique_ptr<vector::SingleFile> file_;
  std::uint32_t ef_ = 50;
};

}  // namespace

std::unique_ptr<Contender> make_vibrato_file(const std::string& path) {
  return std::make_unique<VibratoFile>(path);
}

}  // namespace vibrato::bench

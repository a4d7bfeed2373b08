#include "engine/quarantine.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "vector/segment_files.hpp"

namespace vibrato::engine {
namespace {

struct Kept {
  std::string name;
  std::uint64_t bytes = 0;
  std::int64_t since_ms = 0;  // 0 where the name does not tell: such a file goes for lack of space only.
};

}  // namespace

Quarantine::Quarantine(io::FileSystem& fs, std::string folder, const Limits& limits, const Logger& logger,
                       MetricsRegistry& metrics)
    : fs_(fs),
      folder_(std::move(folder)),
      limits_(limits),
      logger_(logger),
      evictions_(metrics.counter("vibrato_quarantine_evictions_total", "Files that left a full quarantine")) {}

void Quarantine::trim(std::int64_t now_ms) {
  const auto listed = fs_.list_directory(folder_);
  if (!listed.ok()) {
    return;
  }
  std::vector<Kept> kept;
  std::uint64_t bytes = 0;
  for (const io::FileInfo& file : *listed) {
    const auto since_ms = vector::quarantined_at_ms(file.name);
    if (!file.is_regular || !since_ms.has_value()) {
      continue;
    }
    if (*since_ms > 0 && now_ms - *since_ms >= limits_.ttl_ms && remove(file.name)) {
      logger_.info("{} left the quarantine for good after its time", file.name);
      continue;
    }
    kept.push_back({file.name, file.size_bytes, *since_ms});
    bytes += file.size_bytes;
  }
  std::stable_sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) { return a.since_ms < b.since_ms; });
  std::uint64_t count = kept.size();
  for (const Kept& file : kept) {
    if (count <= limits_.files_max && bytes <= limits_.bytes_max) {
      return;
    }
    if (remove(file.name)) {
      --count;
      bytes -= file.bytes;
      evictions_.add();
      logger_.info("{} left the quarantine for good, which was full", file.name);
    }
  }
}

bool Quarantine::remove(const std::string& name) const {
  return fs_.remove_file(folder_ + "/" + name).ok();
}

}  // namespace vibrato::engine

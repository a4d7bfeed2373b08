#include "app/pack_stats.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/text_format.hpp"

namespace vibrato::app {

Result<std::shared_ptr<const store::PackFile>> open_pack(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::ReadOnlyMap> map, fs.map_read_only(path));
  if (!format::is_pack(map->bytes())) return std::shared_ptr<const store::PackFile>();
  return store::PackFile::from_map(path, std::move(map));
}

Result<std::vector<PackPartStats>> gather_pack_stats(const store::PackFile& pack) {
  std::vector<PackPartStats> parts;
  for (std::uint32_t number = 0; number < pack.part_count(); ++number) {
    VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<store::VdbFile> file, pack.open_part(number));
    const format::ByteRange range = pack.part_range(number);
    parts.push_back({range.offset, range.length, file->rows(), file->dim(), file->metric(), file->layout().first_lsn,
                     file->layout().last_lsn});
  }
  return parts;
}

std::string pack_table(const std::string& path, const std::vector<PackPartStats>& parts) {
  std::string text = fmt::format("file:     {}\npack of:  {} parts\n", path, with_thousands(parts.size()));
  for (std::size_t number = 0; number < parts.size(); ++number) {
    const PackPartStats& part = parts[number];
    text += fmt::format("  part {:<6} {:>9} rows of {} dimensions, {}, LSN {} to {}, {} at {}\n", number,
                        with_thousands(part.rows), part.dim, to_string(part.metric), part.first_lsn, part.last_lsn,
                        human_bytes(part.bytes), part.offset);
  }
  return text;
}

std::string pack_json(const std::string& path, const std::vector<PackPartStats>& parts) {
  nlohmann::json json = {{"file", path}, {"parts", nlohmann::json::array()}};
  for (const PackPartStats& part : parts) {
    json["parts"].push_back({{"offset", part.offset},
                             {"bytes", part.bytes},
                             {"rows", part.rows},
                             {"dim", part.dim},
                             {"metric", std::string(to_string(part.metric))},
                             {"first_lsn", part.first_lsn},
                             {"last_lsn", part.last_lsn}});
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace vibrato::app

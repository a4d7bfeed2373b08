#include "sealed_collection.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <utility>

#include "vector/built_index.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::bench {
namespace {

using Rows = std::vector<std::uint32_t>;

Status write_part(io::FileSystem& fs, const std::string& folder, const std::string& file, const CollectionRows& all,
                  const Rows& rows, const vector::CollectionSettings& settings) {
  VIBRATO_ASSIGN_OR_RETURN(const auto writer,
                           vector::SegmentFileWriter::create(fs, folder, file, CollectionNumber(1), settings));
  for (const std::uint32_t row : rows) {
    const std::string_view meta = all.metas.empty() ? std::string_view() : std::string_view(all.metas[row]);
    VIBRATO_RETURN_IF_ERROR(writer->add({PointIdView{.number = row}, Lsn(row + 1), all.base.row(row), meta}));
  }
  VIBRATO_ASSIGN_OR_RETURN(const store::VdbFile* image, writer->finish_rows());
  vector::GraphBuildOptions options;
  options.m = settings.m;
  options.ef_construction = settings.ef_construction;
  options.threads = 1;
  VIBRATO_ASSIGN_OR_RETURN(const vector::BuiltIndex index, vector::build_index(*image, options));
  return writer->commit(&index, 1).status();
}

Result<std::shared_ptr<vector::SealedPart>> open_part(io::FileSystem& fs, const std::string& folder,
                                                      const std::string& file, const Rows& rows,
                                                      const vector::CollectionSettings& settings) {
  catalog::Segment entry;
  entry.collection = CollectionNumber(1);
  entry.file = file;
  entry.level = 1;
  entry.row_count = rows.size();
  entry.first_lsn = Lsn(*std::min_element(rows.begin(), rows.end()) + 1);
  entry.last_lsn = Lsn(*std::max_element(rows.begin(), rows.end()) + 1);
  VIBRATO_ASSIGN_OR_RETURN(auto part, vector::SealedPart::open(fs, folder, entry, settings));
  const auto* codes = part->rows().space().quantizer;
  std::printf("%s: %u rows, %s\n", file.c_str(), part->row_count(),
              codes == nullptr                                ? "f32"
              : codes->layout().kind == quant::CodeKind::kSq4 ? "4-bit codes"
                                                              : "8-bit codes");
  return part;
}

}  // namespace

Result<SealedCollection> SealedCollection::make(io::FileSystem& fs, const std::string& folder, const std::string& name,
                                                const CollectionRows& rows, const std::vector<Rows>& parts,
                                                std::size_t filter_cache_bytes) {
  std::filesystem::create_directories(folder + "/segments");
  vector::CollectionIdentity identity;
  identity.number = CollectionNumber(1);
  identity.name = name;
  identity.settings.dim = static_cast<std::uint32_t>(rows.base.dim);
  identity.settings.metric = rows.metric;
  SealedCollection made;
  made.visible_ = std::make_unique<commit::VisibleLsn>();
  made.visible_->publish(Lsn(rows.base.rows));
  vector::Collection::Options options;
  if (filter_cache_bytes > 0) {
    options.filter_cache = std::make_shared<vector::FilterCache>(filter_cache_bytes);
  }
  made.collection_ = std::make_unique<vector::Collection>(identity, *made.visible_, options);
  std::vector<std::shared_ptr<const vector::SealedPart>> sealed;
  for (const Rows& part : parts) {
    const std::string file = fmt::format("segments/{}-{}-of-{}.vdb", name, sealed.size(), parts.size());
    if (!std::filesystem::exists(folder + "/" + file)) {
      VIBRATO_RETURN_IF_ERROR(write_part(fs, folder, file, rows, part, identity.settings));
    }
    VIBRATO_ASSIGN_OR_RETURN(auto opened, open_part(fs, folder, file, part, identity.settings));
    made.collection_->adopt(*opened);
    sealed.push_back(std::move(opened));
  }
  made.collection_->load_sealed(std::move(sealed), Lsn(rows.base.rows), rows.base.rows);
  return made;
}

}  // namespace vibrato::bench

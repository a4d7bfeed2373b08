// Any bytes as the id sections of a file with right checksums, and any bytes as a pack. Every id is looked up, ordered
// and verified without leaving the sections; what a lookup finds has the id that was asked for.
//
// Input for the first: u32 rows, u32 bytes of `ids`, u32 bytes of `id_hash`, u32 which optional sections are there;
// then ids, id_hash, id_order and row_lsns one after the other, the last two cut or padded to their lengths.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>
#include <vibrato/check.hpp>

#include "format/pack.hpp"
#include "store/id_index.hpp"
#include "store/pack_file.hpp"
#include "support/memory_map.hpp"
#include "support/vdb_bytes.hpp"

namespace {

using namespace vibrato;
using format::SectionKind;

constexpr std::uint32_t kRowsMax = 300;
constexpr std::size_t kHeadBytes = 16;
constexpr std::uint32_t kHasOrder = 1;
constexpr std::uint32_t kHasHash = 2;

// Up to `length` bytes from the front of `bytes`, which loses them.
std::vector<std::byte> take(std::span<const std::byte>& bytes, std::size_t length) {
  const std::size_t count = std::min(length, bytes.size());
  std::vector<std::byte> taken(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
  bytes = bytes.subspan(count);
  return taken;
}

std::vector<std::byte> take_padded(std::span<const std::byte>& bytes, std::size_t length) {
  std::vector<std::byte> taken = take(bytes, length);
  taken.resize(length);
  return taken;
}

void look_up(const store::IdIndex& index, const PointIdView& id) {
  const auto found = index.find(id);
  if (!found.ok() || !*found) {
    return;
  }
  VIBRATO_CHECK(**found < index.rows());
  const auto same = index.id(**found);
  VIBRATO_CHECK(same.ok() && *same == id);
}

void use(const store::VdbFile& file) {
  const auto index = store::IdIndex::open(file);
  if (!index.ok()) {
    return;
  }
  const bool is_whole = index->verify().ok();
  look_up(*index, {true, 0, "absent"});
  for (std::uint32_t row = 0; row < index->rows(); ++row) {
    const auto id = index->id(row);
    VIBRATO_CHECK(!is_whole || id.ok());
    if (!id.ok()) {
      continue;
    }
    look_up(*index, *id);
    look_up(*index, {false, row, {}});
    if (index->has_order()) {
      const auto rank = index->rank(row);
      VIBRATO_CHECK(!rank.ok() || index->at_rank(*rank).value() == row);
      VIBRATO_CHECK(!is_whole || rank.ok());
      static_cast<void>(index->lower_bound(*id));
    }
    VIBRATO_CHECK(!is_whole || index->find(*id)->has_value());
  }
}

void use_sections(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeadBytes) {
    return;
  }
  const std::uint32_t rows = format::load_le<std::uint32_t>(bytes, 0) % kRowsMax;
  const auto ids_bytes = format::load_le<std::uint32_t>(bytes, 4);
  const auto hash_bytes = format::load_le<std::uint32_t>(bytes, 8);
  const auto has = format::load_le<std::uint32_t>(bytes, 12);
  bytes = bytes.subspan(kHeadBytes);
  std::vector<test::SectionBytes> sections = {test::make_vectors(rows, 1)};
  sections.push_back(test::make_section(SectionKind::kIds, take(bytes, ids_bytes)));
  if ((has & kHasHash) != 0) {
    sections.push_back(test::make_section(SectionKind::kIdHash, take(bytes, hash_bytes)));
  }
  if ((has & kHasOrder) != 0) {
    sections.push_back(test::make_section(SectionKind::kIdOrder, take_padded(bytes, std::size_t{rows} * 4)));
  }
  const std::vector<std::byte> lsns = take_padded(bytes, std::size_t{rows} * 8);
  sections.push_back(test::make_section(SectionKind::kRowLsns, lsns));
  test::VdbBytes vdb(rows, 1, Metric::kDot, std::move(sections));
  for (std::uint32_t row = 0; row < rows; ++row) {
    const auto lsn = format::load_le<std::uint64_t>(lsns, std::size_t{row} * 8);
    vdb.header.first_lsn = row == 0 ? lsn : std::min(vdb.header.first_lsn, lsn);
    vdb.header.last_lsn = std::max(vdb.header.last_lsn, lsn);
  }
  vdb.seal_blocks();
  const auto file = store::VdbFile::from_map("input", std::make_unique<test::MemoryMap>(vdb.file));
  VIBRATO_CHECK(file.ok());
  use(**file);
}

void use_pack(std::span<const std::byte> bytes) {
  const auto pack = store::PackFile::from_map("input", std::make_shared<test::MemoryMap>(bytes));
  if (!pack.ok()) {
    return;
  }
  static_cast<void>((*pack)->verify());
  for (std::uint32_t part = 0; part < (*pack)->part_count(); ++part) {
    if (const auto file = (*pack)->open_part(part); file.ok()) {
      use(**file);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (!format::is_pack(bytes)) {
    use_sections(bytes);
    return 0;
  }
  use_pack(bytes);
  // Once more with checksums that fit, so that the ranges of the table are reached.
  std::vector<std::byte> sealed(bytes.begin(), bytes.end());
  if (sealed.size() >= format::kPackHeaderBytes) {
    const auto table = std::min<std::uint64_t>(format::load_le<std::uint64_t>(sealed, 24), sealed.size());
    format::store_le(std::span(sealed), 36, crc32c(std::span(sealed).subspan(table)));
    format::store_le(std::span(sealed), 60, crc32c(std::span(sealed).first(60)));
    use_pack(sealed);
  }
  return 0;
}

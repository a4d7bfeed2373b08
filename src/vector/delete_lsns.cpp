#include "vector/delete_lsns.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <roaring/roaring.h>
#include <string>
#include <vibrato/check.hpp>

namespace vibrato::vector {
namespace {

struct FreeBitmap {
  void operator()(roaring_bitmap_t* bitmap) const { roaring_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<roaring_bitmap_t, FreeBitmap>;

Status damaged(const std::string& what) {
  return corruption("bitmap of deleted rows: " + what);
}

Status no_memory() {
  return unavailable("no memory for the deletes of a segment");
}

}  // namespace

DeleteLsns::DeleteLsns(std::uint32_t row_capacity) : row_capacity_(row_capacity) {}

DeleteLsns::~DeleteLsns() {
  const std::unique_ptr<ChunkSlot[]> table(table_.load(std::memory_order_relaxed));
  for (std::size_t i = 0; table != nullptr && i < table_size(); ++i) {
    delete table[i].load(std::memory_order_relaxed);
  }
}

Result<bool> DeleteLsns::mark(std::uint32_t row, Lsn lsn) {
  VIBRATO_CHECK(row < row_capacity_ && lsn.value() > 0);
  ChunkSlot* table = table_.load(std::memory_order_relaxed);
  if (table == nullptr) {
    table = new (std::nothrow) ChunkSlot[table_size()]();
    if (table == nullptr) {
      return no_memory();
    }
    table_.store(table, std::memory_order_release);
  }
  Chunk* chunk = table[row / kChunkRows].load(std::memory_order_relaxed);
  if (chunk == nullptr) {
    chunk = new (std::nothrow) Chunk();
    if (chunk == nullptr) {
      return no_memory();
    }
    chunk_count_.fetch_add(1, std::memory_order_relaxed);
    table[row / kChunkRows].store(chunk, std::memory_order_release);
  }
  std::atomic<std::uint64_t>& mark = chunk->lsns[row % kChunkRows];
  if (mark.load(std::memory_order_relaxed) != 0) {
    return false;
  }
  mark.store(lsn.value(), std::memory_order_release);
  last_mark_.store(std::max(last_mark_.load(std::memory_order_relaxed), lsn.value()), std::memory_order_release);
  count_.fetch_add(1, std::memory_order_release);
  return true;
}

std::size_t DeleteLsns::bytes_in_memory() const {
  const std::size_t table = table_.load(std::memory_order_acquire) == nullptr ? 0 : table_size() * sizeof(ChunkSlot);
  return sizeof(*this) + table + std::size_t{chunk_count_.load(std::memory_order_relaxed)} * sizeof(Chunk);
}

std::vector<std::byte> DeleteLsns::encode(Lsn at) const {
  const Bitmap bitmap(roaring_bitmap_create());
  VIBRATO_CHECK(bitmap != nullptr);
  for (std::uint32_t row = 0; row < row_capacity_; ++row) {
    if (row % kChunkRows == 0 && chunk_of(row) == nullptr) {
      row += kChunkRows - 1;
      continue;
    }
    if (is_deleted(row, at)) {
      roaring_bitmap_add(bitmap.get(), row);
    }
  }
  roaring_bitmap_run_optimize(bitmap.get());
  std::vector<std::byte> bytes(roaring_bitmap_portable_size_in_bytes(bitmap.get()));
  roaring_bitmap_portable_serialize(bitmap.get(), reinterpret_cast<char*>(bytes.data()));
  return bytes;
}

Status DeleteLsns::load(std::span<const std::byte> bytes) {
  VIBRATO_CHECK(count() == 0);
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  if (roaring_bitmap_portable_deserialize_size(data, bytes.size()) != bytes.size() || bytes.empty()) {
    return damaged("its length is not that of its content");
  }
  const Bitmap bitmap(roaring_bitmap_portable_deserialize_safe(data, bytes.size()));
  if (bitmap == nullptr) {
    return damaged("it does not decode");
  }
  // Counts inside damaged containers are not to be trusted: rows are taken one by one, in order.
  struct Visit {
    DeleteLsns* self;
    std::int64_t last = -1;
    Status status;
  } visit{this, -1, {}};
  roaring_iterate(
      bitmap.get(),
      [](std::uint32_t row, void* context) {
        auto& v = *static_cast<Visit*>(context);
        if (std::int64_t{row} <= v.last || row >= v.self->row_capacity_) {
          v.status = damaged("row " + std::to_string(row) + " of a segment of " +
                             std::to_string(v.self->row_capacity_) + " rows");
          return false;
        }
        v.last = row;
        const auto marked = v.self->mark(row, Lsn(1));
        v.status = marked.ok() ? ok_status() : marked.status();
        return v.status.ok();
      },
      &visit);
  return visit.status;
}

}  // namespace vibrato::vector

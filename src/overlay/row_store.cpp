#include "overlay/row_store.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

#include "overlay/merged_view.hpp"
#include "overlay/overlay_map.hpp"
#include "overlay/reader_pool.hpp"
#include "overlay/row_cache.hpp"
#include "overlay/row_file.hpp"

namespace vibrato::overlay {
namespace {

constexpr std::size_t kKeysAtOnce = 512;  // That a save looks at while it holds the lock.

class FileAsOfNow final : public RowStore::Capture {
 public:
  FileAsOfNow(ReaderPool::Lease reader, sqlite::ReadTransaction transaction, Lsn applied)
      : reader_(std::move(reader)), transaction_(std::move(transaction)), applied_(applied) {}
  [[nodiscard]] Lsn applied_lsn() const override { return applied_; }
  [[nodiscard]] Status copy_to(const std::string& path) override { return reader_->connection->backup_to(path); }

 private:
  ReaderPool::Lease reader_;
  sqlite::ReadTransaction transaction_;
  Lsn applied_;
};

}  // namespace

KeyRange range_of_prefix(std::string_view prefix) {
  KeyRange range{std::string(prefix), std::nullopt};
  // The first key above all that begin so: the prefix with its last byte raised that can be.
  std::string to(prefix);
  while (!to.empty() && static_cast<unsigned char>(to.back()) == 0xff) {
    to.pop_back();
  }
  if (!to.empty()) {
    to.back() = static_cast<char>(static_cast<unsigned char>(to.back()) + 1);
    range.to = std::move(to);
  }
  return range;
}

class RowStore::Impl {
 public:
  Impl(sqlite::Vfs& vfs, std::string path, std::unique_ptr<RowFile> file, const RowStoreOptions& options)
      : file_(std::move(file)), readers_(vfs, std::move(path), options), cache_(options.cached_rows_bytes_max) {}

  [[nodiscard]] Status load() {
    VIBRATO_ASSIGN_OR_RETURN(const Lsn applied, file_->applied_lsn());
    VIBRATO_ASSIGN_OR_RETURN(const auto expiry, file_->next_expiry_ms());
    overlay_.set_saved(applied, expiry);
    durable_ = applied.value();
    return readers_.open_first();
  }

  [[nodiscard]] Status save(Lsn up_to);
  [[nodiscard]] Status change(const std::function<Status(sqlite::Connection& file)>& work);
  // For a key that the overlay does not have. Who reads it once may well read it again.
  [[nodiscard]] Result<RowPtr> find_in_file(std::string_view key) {
    if (RowPtr cached = cache_.find(key)) {
      return cached;
    }
    const std::uint64_t begun = cache_.begin_read();
    VIBRATO_ASSIGN_OR_RETURN(const ReaderPool::Lease reader, readers_.take());
    VIBRATO_ASSIGN_OR_RETURN(RowPtr row, reader->find(key));
    if (row) {
      cache_.keep(key, *row, begun);
    }
    return row;
  }
  [[nodiscard]] Result<std::vector<RowEntry>> expired(std::int64_t now_ms, std::size_t count, Lsn as_of);

  OverlayMap& overlay() { return overlay_; }
  [[nodiscard]] const RowCache& cache() const { return cache_; }
  ReaderPool& readers() { return readers_; }
  [[nodiscard]] Lsn durable_lsn() const { return Lsn(durable_.load()); }

 private:
  [[nodiscard]] Status write(Lsn up_to);
  [[nodiscard]] Status add_expired_of_file(std::int64_t now_ms, std::size_t count, std::vector<RowEntry>& rows);

  std::mutex save_mutex_;          // One save at a time. Guards file_.
  std::unique_ptr<RowFile> file_;  // Ends after the readers.
  ReaderPool readers_;
  RowCache cache_;
  OverlayMap overlay_;
  std::atomic<std::uint64_t> durable_{0};
};

Status RowStore::Impl::save(Lsn up_to) {
  const std::lock_guard lock(save_mutex_);
  if (up_to <= durable_lsn()) {
    return ok_status();
  }
  const Lsn saved = overlay_.begin_save(up_to);
  cache_.begin_save();
  Status written = write(saved);
  cache_.end_save();
  Result<std::optional<std::int64_t>> expiry =
      written.ok() ? file_->next_expiry_ms() : Result<std::optional<std::int64_t>>(written);
  if (!written.ok()) {
    overlay_.give_up();
    return written;
  }
  // What the file has is known in either case; without its times all of them may be over.
  overlay_.end_save(saved, expiry.ok() ? *expiry : std::optional<std::int64_t>(0));
  durable_ = saved.value();
  std::optional<std::string> from;
  do {
    from = overlay_.let_go(from, saved, kKeysAtOnce);
  } while (from.has_value());
  return ok_status();
}

Status RowStore::Impl::change(const std::function<Status(sqlite::Connection& file)>& work) {
  const std::lock_guard lock(save_mutex_);
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Transaction transaction, file_->begin());
  VIBRATO_RETURN_IF_ERROR(work(file_->connection()));
  return transaction.commit();
}

Status RowStore::Impl::write(Lsn up_to) {
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Transaction transaction, file_->begin());
  std::vector<RowEntry> rows;
  std::optional<std::string> after;
  do {
    rows.clear();
    after = overlay_.collect(after, up_to, kKeysAtOnce, rows);
    for (const RowEntry& row : rows) {
      VIBRATO_RETURN_IF_ERROR(file_->write(row));
      cache_.save(row.key, *row.row);
    }
  } while (after.has_value());
  return file_->finish(transaction, up_to);
}

Result<std::vector<RowEntry>> RowStore::Impl::expired(std::int64_t now_ms, std::size_t count, Lsn as_of) {
  std::vector<RowEntry> rows = overlay_.expired(now_ms, count, as_of);
  VIBRATO_RETURN_IF_ERROR(add_expired_of_file(now_ms, count, rows));
  std::ranges::stable_sort(rows, {}, [](const RowEntry& entry) { return *entry.row->expires_at_ms; });
  rows.resize(std::min(rows.size(), count));
  return rows;
}

// Those that are replaced in the overlay do not count. What is learnt of the others is noted, so that nobody looks into
// the file for rows that were deleted and wait for a save.
Status RowStore::Impl::add_expired_of_file(std::int64_t now_ms, std::size_t count, std::vector<RowEntry>& rows) {
  const std::uint64_t generation = overlay_.generation();
  VIBRATO_ASSIGN_OR_RETURN(const ReaderPool::Lease reader, readers_.take());
  std::optional<std::int64_t> first_ms;
  std::size_t found = 0;
  {
    sqlite::Rows expired = reader->expired.run(now_ms);
    while (found < count) {
      VIBRATO_ASSIGN_OR_RETURN(const bool has_row, expired.next());
      if (!has_row) {
        break;
      }
      std::string key(expired.blob_view(0));
      if (overlay_.find_newest(key).has_value()) {
        continue;
      }
      auto row = std::make_shared<Row>();
      row->lsn = Lsn(expired.u64(1));
      row->expires_at_ms = expired.i64(2);
      VIBRATO_RETURN_IF_ERROR(expired.status());
      first_ms = std::min(first_ms.value_or(*row->expires_at_ms), *row->expires_at_ms);
      rows.push_back({std::move(key), std::move(row)});
      ++found;
    }
  }
  if (!first_ms.has_value() && count > 0) {
    sqlite::Rows next = reader->next_expiry.run(now_ms);
    VIBRATO_ASSIGN_OR_RETURN(const bool has_row, next.next());
    first_ms = has_row ? next.optional_i64(0) : std::nullopt;
    VIBRATO_RETURN_IF_ERROR(next.status());
  }
  if (count > 0) {
    overlay_.set_file_expiry(generation, first_ms);
  }
  return ok_status();
}

Result<std::unique_ptr<RowStore>> RowStore::open(sqlite::Vfs& vfs, std::string path, RowObserver* observer,
                                                 const RowStoreOptions& options) {
  VIBRATO_ASSIGN_OR_RETURN(auto file, RowFile::open(vfs, path, observer, options));
  auto impl = std::make_unique<Impl>(vfs, std::move(path), std::move(file), options);
  VIBRATO_RETURN_IF_ERROR(impl->load());
  return std::unique_ptr<RowStore>(new RowStore(std::move(impl)));
}

RowStore::RowStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RowStore::~RowStore() = default;

void RowStore::put(std::string_view key, RowPtr row, Lsn visible) {
  impl_->overlay().put(key, std::move(row), visible);
}

void RowStore::erase(std::string_view key, Lsn lsn, Lsn visible) {
  auto row = std::make_shared<Row>();
  row->lsn = lsn;
  row->is_deleted = true;
  impl_->overlay().put(key, std::move(row), visible);
}

Result<RowPtr> RowStore::get(std::string_view key, Lsn as_of) const {
  if (auto above = impl_->overlay().find(key, as_of); above.has_value()) {
    return (*above)->is_deleted ? nullptr : std::move(*above);
  }
  return impl_->find_in_file(key);
}

Result<RowPtr> RowStore::get_newest(std::string_view key) const {
  if (auto above = impl_->overlay().find_newest(key); above.has_value()) {
    return (*above)->is_deleted ? nullptr : std::move(*above);
  }
  return impl_->find_in_file(key);
}

Result<Lsn> RowStore::newest_lsn(std::string_view key) const {
  if (const auto above = impl_->overlay().find_newest(key); above.has_value()) {
    return (*above)->is_deleted ? Lsn() : (*above)->lsn;
  }
  VIBRATO_ASSIGN_OR_RETURN(const ReaderPool::Lease reader, impl_->readers().take());
  return reader->find_lsn(key);
}

Result<std::unique_ptr<RowView>> RowStore::view(KeyRange range, Lsn as_of, std::size_t rows_above_max) const {
  return MergedView::open(impl_->overlay(), impl_->readers(), std::move(range), as_of, rows_above_max);
}

Result<std::vector<RowEntry>> RowStore::expired(std::int64_t now_ms, std::size_t count, Lsn as_of) const {
  return impl_->expired(now_ms, count, as_of);
}

std::optional<std::int64_t> RowStore::next_expiry_ms() const {
  return impl_->overlay().next_expiry_ms();
}

Status RowStore::change(const std::function<Status(sqlite::Connection& file)>& work) {
  return impl_->change(work);
}

Lsn RowStore::durable_lsn() const {
  return impl_->durable_lsn();
}

Status RowStore::save(Lsn up_to) {
  return impl_->save(up_to);
}

std::uint64_t RowStore::unsaved_bytes() const {
  return impl_->overlay().bytes();
}

std::uint64_t RowStore::cached_bytes() const {
  return impl_->cache().bytes();
}

Result<std::unique_ptr<RowStore::Capture>> RowStore::capture() const {
  VIBRATO_ASSIGN_OR_RETURN(ReaderPool::Lease reader, impl_->readers().take());
  VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::ReadTransaction::begin(*reader->connection));
  VIBRATO_ASSIGN_OR_RETURN(const Lsn applied, reader->applied_lsn());
  return std::unique_ptr<Capture>(new FileAsOfNow(std::move(reader), std::move(transaction), applied));
}

}  // namespace vibrato::overlay

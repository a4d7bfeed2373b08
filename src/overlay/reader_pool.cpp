#include "overlay/reader_pool.hpp"

#include <chrono>
#include <utility>

namespace vibrato::overlay {
namespace {

constexpr auto kReturnWait = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<Reader>> Reader::open(sqlite::Vfs& vfs, const std::string& path,
                                             const RowStoreOptions& options) {
  sqlite::ConnectionOptions connection_options;
  connection_options.journal_mode = sqlite::JournalMode::kWalShared;
  connection_options.read_only = true;
  connection_options.cache_kib = options.reader_cache_kib;
  VIBRATO_ASSIGN_OR_RETURN(auto connection, sqlite::Connection::open(vfs, path, connection_options));
  VIBRATO_ASSIGN_OR_RETURN(auto get, connection->prepare("SELECT lsn, expires_at_ms, value FROM rows WHERE key = ?1"));
  VIBRATO_ASSIGN_OR_RETURN(auto get_lsn, connection->prepare("SELECT lsn FROM rows WHERE key = ?1"));
  VIBRATO_ASSIGN_OR_RETURN(
      auto scan, connection->prepare("SELECT key, lsn, expires_at_ms, value FROM rows WHERE key >= ?1 ORDER BY key"));
  VIBRATO_ASSIGN_OR_RETURN(
      auto scan_between,
      connection->prepare("SELECT key, lsn, expires_at_ms, value FROM rows WHERE key >= ?1 AND key < ?2 ORDER BY key"));
  VIBRATO_ASSIGN_OR_RETURN(auto applied, connection->prepare("SELECT lsn FROM applied"));
  VIBRATO_ASSIGN_OR_RETURN(auto expired, connection->prepare("SELECT key, lsn, expires_at_ms FROM rows "
                                                             "WHERE expires_at_ms <= ?1 ORDER BY expires_at_ms"));
  VIBRATO_ASSIGN_OR_RETURN(auto next_expiry,
                           connection->prepare("SELECT min(expires_at_ms) FROM rows WHERE expires_at_ms > ?1"));
  std::unique_ptr<Reader> reader(new Reader{std::move(connection), std::move(get), std::move(get_lsn), std::move(scan),
                                            std::move(scan_between), std::move(applied), std::move(expired),
                                            std::move(next_expiry)});
  // SQLite opens the log of the file with the first read.
  VIBRATO_RETURN_IF_ERROR(reader->applied_lsn().status());
  return reader;
}

Result<RowPtr> read_row(sqlite::Rows& rows, int column) {
  auto row = std::make_shared<Row>();
  row->lsn = Lsn(rows.u64(column));
  row->expires_at_ms = rows.optional_i64(column + 1);
  row->value = rows.blob_view(column + 2);
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return RowPtr(std::move(row));
}

Result<RowPtr> Reader::find(std::string_view key) {
  sqlite::Rows rows = get.run(bytes_of_key(key));
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  return found ? read_row(rows, 0) : RowPtr();
}

Result<Lsn> Reader::find_lsn(std::string_view key) {
  sqlite::Rows rows = get_lsn.run(bytes_of_key(key));
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  const Lsn lsn = found ? Lsn(rows.u64(0)) : Lsn();
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return lsn;
}

Result<Lsn> Reader::applied_lsn() {
  sqlite::Rows rows = applied.run();
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  if (!found) {
    return corruption(connection->path() + ": table applied has no row");
  }
  const Lsn lsn(rows.u64(0));
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return lsn;
}

Status ReaderPool::open_first() {
  return take().status();
}

ReaderPool::Lease ReaderPool::take_idle() {
  auto reader = std::move(idle_.back());  // The one used last: what it read is in its cache.
  idle_.pop_back();
  return {*this, std::move(reader)};
}

Result<ReaderPool::Lease> ReaderPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      return take_idle();
    }
  }
  auto opened = Reader::open(vfs_, path_, options_);
  std::unique_lock lock(mutex_);
  if (opened.ok()) {
    ++open_;
    return Lease(*this, *std::move(opened));
  }
  if (open_ > 0 && returned_.wait_for(lock, kReturnWait, [this] { return !idle_.empty(); })) {
    return take_idle();
  }
  return opened.status();
}

void ReaderPool::give_back(std::unique_ptr<Reader> reader) {
  const bool is_usable = !reader->connection->in_transaction();  // Else what it would see is of the past.
  {
    const std::lock_guard lock(mutex_);
    if (is_usable && idle_.size() < options_.readers_max) {
      idle_.push_back(std::move(reader));
    } else {
      --open_;
    }
  }
  returned_.notify_one();
}

}  // namespace vibrato::overlay

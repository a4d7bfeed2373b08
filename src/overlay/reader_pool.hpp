// The connections that read the file of a RowStore, each with its statements. A reader takes one, and gives it back by
// letting go of the lease.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "overlay/row_store.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/statement.hpp"

namespace vibrato::overlay {

// Thread-safety: one thread at a time. The statements end before the connection, and in this order.
struct Reader {
  std::unique_ptr<sqlite::Connection> connection;
  sqlite::Statement get;           // lsn, expires_at_ms, value; by key.
  sqlite::Statement get_lsn;       // lsn; by key.
  sqlite::Statement scan;          // key, lsn, expires_at_ms, value; from a key.
  sqlite::Statement scan_between;  // The same, up to a key.
  sqlite::Statement applied;       // lsn.
  sqlite::Statement expired;       // key, lsn, expires_at_ms; up to a time.
  sqlite::Statement next_expiry;   // expires_at_ms or null; above a time.

  [[nodiscard]] static Result<std::unique_ptr<Reader>> open(sqlite::Vfs& vfs, const std::string& path,
                                                            const RowStoreOptions& options);
  // Null if the file has no such row.
  [[nodiscard]] Result<RowPtr> find(std::string_view key);
  // 0 if the file has no such row.
  [[nodiscard]] Result<Lsn> find_lsn(std::string_view key);
  [[nodiscard]] Result<Lsn> applied_lsn();
};

// The bytes of a key as SQLite compares them.
[[nodiscard]] inline std::span<const std::byte> bytes_of_key(std::string_view key) {
  return std::as_bytes(std::span(key.data(), key.size()));
}
// The columns lsn, expires_at_ms and value, the first of them at `column`, as a row.
[[nodiscard]] Result<RowPtr> read_row(sqlite::Rows& rows, int column);

// Thread-safety: all methods may be called from many threads at once. It outlives its leases.
class ReaderPool {
 public:
  // The file has an open writing connection, which outlives the pool.
  ReaderPool(sqlite::Vfs& vfs, std::string path, const RowStoreOptions& options)
      : vfs_(vfs), path_(std::move(path)), options_(options) {}

  class Lease {
   public:
    Lease(ReaderPool& pool, std::unique_ptr<Reader> reader) : pool_(&pool), reader_(std::move(reader)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (reader_) {
        pool_->give_back(std::move(reader_));
      }
    }
    [[nodiscard]] Reader* operator->() const { return reader_.get(); }
    [[nodiscard]] Reader& operator*() const { return *reader_; }

   private:
    ReaderPool* pool_;
    std::unique_ptr<Reader> reader_;
  };

  // Opens the first, so that reads go on when the disk lets nothing more be opened. Errors: as take().
  [[nodiscard]] Status open_first();
  // One that is idle, or else a new one; should that not open, one that comes back soon. Errors: as
  // sqlite::Connection::open().
  [[nodiscard]] Result<Lease> take();

 private:
  void give_back(std::unique_ptr<Reader> reader);
  // With mutex_ held. Requires: there is one.
  [[nodiscard]] Lease take_idle();

  sqlite::Vfs& vfs_;
  const std::string path_;
  const RowStoreOptions options_;
  std::mutex mutex_;  // Guards the members below.
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Reader>> idle_;
  std::size_t open_ = 0;  // Idle or taken.
};

}  // namespace vibrato::overlay

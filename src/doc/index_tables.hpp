// The indexes of documents: tables in docs.db, beside the rows, that are written in the same transactions. Which there
// are is decided by finds: one that looked at many documents asks for those that would have spared it (want()), and
// they are built in steps between saves. File: docs/formats/documents.md.
//
//   document_indexes(number, collection, path, state, position, has_cut_text)    one row an index
//   document_entries(number, value, id, is_element)                              one row a value of a document
//
// How an index is built while documents are written: from the moment that it stands in document_indexes, each row that
// is saved replaces its entries. The steps go through the rows in order of keys, and add the entries of each. So of a
// row that a step has passed the entries are exact, and of one that none has they are exact or missing; and what a
// crash leaves is what some step, or some save, left.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/round_time.hpp"
#include "filter/condition.hpp"
#include "overlay/row_store.hpp"

namespace vibrato::doc {

// An index as a find sees it.
struct UsableIndex {
  std::int64_t number = 0;
  bool has_cut_text = false;  // The order of its entries may not be that of the strings.
};

struct IndexesOptions {
  // That one step of building looks at. A step writes most pages of the index: fewer rows a step would write them more
  // often, more would keep saves waiting for longer than some tenths of a second.
  std::size_t step_rows = 32'768;
  std::size_t step_bytes = std::size_t{32} << 20;
  std::size_t step_entries = 20'000;  // That one step of dropping deletes.
};

// Thread-safety: want(), note_used() and the finds from any thread; on_row() and build_step() as RowStore says.
class Indexes final : public overlay::RowObserver {
 public:
  // `time` outlives it.
  explicit Indexes(const commit::RoundTime& time, IndexesOptions options = {});
  ~Indexes() override;

  // ---- overlay::RowObserver ----
  [[nodiscard]] Status prepare(sqlite::Connection& file) override;
  [[nodiscard]] Status on_row(sqlite::Connection& file, std::string_view key, const overlay::Row& row) override;
  // Before the connection that on_row() was called with is closed.
  void close();

  // ---- Finds ----
  // The index of a collection on a path, if it is complete in this state of the file.
  [[nodiscard]] static Result<std::optional<UsableIndex>> find(sqlite::Connection& file, std::string_view collection,
                                                               std::string_view path);
  // Asks for an index; true if build_step() has something to do about it. A collection has at most
  // limits::kDocumentIndexesMax of them: past that the one gives way that was not used for longest, if that is a day or
  // more, and else the wish is dropped.
  bool want(std::string_view collection, std::string_view path);
  [[nodiscard]] bool has_index(std::string_view collection, std::string_view path) const;
  void note_used(std::int64_t number);

  // ---- Building ----
  // One step, in a transaction of the file; false if there was nothing to do. One thread at a time.
  [[nodiscard]] Result<bool> build_step(overlay::RowStore& rows);
  [[nodiscard]] bool has_work() const;

 private:
  enum class State : std::uint8_t { kBuilding = 1, kComplete = 2, kDropping = 3 };  // As in the file.
  struct Index {
    std::int64_t number = 0;
    std::string collection;
    filter::FieldPath path;
    State state = State::kBuilding;
    std::string position;  // The key up to which it is built.
    std::atomic<std::int64_t> used_ms = 0;
  };
  using IndexPtr = std::shared_ptr<Index>;
  using Wish = std::pair<std::string, std::string>;  // Collection and path.
  struct Entries;
  class Writer;

  [[nodiscard]] Status load(sqlite::Connection& file);
  [[nodiscard]] std::vector<IndexPtr> live_indexes(std::string_view collection) const;
  [[nodiscard]] IndexPtr in_state(State state) const;
  [[nodiscard]] std::optional<Wish> take_wish();
  [[nodiscard]] Status grant(overlay::RowStore& rows, const Wish& wish);
  [[nodiscard]] Status build_some(overlay::RowStore& rows, Index& index);
  [[nodiscard]] Status drop_some(overlay::RowStore& rows, const IndexPtr& index);
  // Nothing: none may give way. Null: none needs to.
  [[nodiscard]] std::optional<IndexPtr> to_give_way(std::string_view collection) const;

  const commit::RoundTime& time_;
  const IndexesOptions options_;
  std::unique_ptr<Writer> writer_;  // Used inside of saves and of steps, which exclude each other.

  mutable std::mutex mutex_;  // Guards the members below, and `state` and `position` of the indexes.
  std::multimap<std::string, IndexPtr, std::less<>> by_collection_;
  std::set<Wish> wishes_;
};

}  // namespace vibrato::doc

// The collections: settings that never change, and when each was made and dropped.
// Invariant: a number is given once, ever; among the live ones a name is unique. The names of dropped ones stay, erased
// or not, until nobody asks for them any more: records in the log have numbers only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "catalog/statements.hpp"

namespace vibrato::catalog {

struct Collection {
  CollectionNumber number;
  std::string name;
  std::uint32_t dim = 0;
  Metric metric = Metric::kCosine;
  std::string index_kind;
  std::string index_params = "{}";  // JSON, understood by the index kind.
  std::string quantization;
  std::optional<bool> archive_keep_raw;  // Nothing: no archive tier.
  std::int64_t created_at_ms = 0;
  Lsn created_lsn;
  std::optional<Lsn> dropped_lsn;

  friend bool operator==(const Collection&, const Collection&) = default;
};

// Thread-safety: that of the Catalog.
class CollectionsTable {
 public:
  [[nodiscard]] static Result<CollectionsTable> open(sqlite::Connection& connection);

  // All that are not dropped, by number.
  [[nodiscard]] Result<std::vector<Collection>> live() const;
  // Dropped ones that are not erased yet, by number.
  [[nodiscard]] Result<std::vector<Collection>> dropped() const;
  [[nodiscard]] Result<std::optional<Collection>> find(CollectionNumber number) const;
  // Among the live ones.
  [[nodiscard]] Result<std::optional<Collection>> find_by_name(std::string_view name) const;
  // Of all collections, erased ones too, but for those that forget_names() took.
  [[nodiscard]] Result<std::map<CollectionNumber, std::string>> names() const;
  // Forgets the names of collections that were dropped at or below `lsn`.
  [[nodiscard]] Status forget_names(Lsn lsn);
  // Above every number that was ever inserted.
  [[nodiscard]] Result<CollectionNumber> next_number() const;

  // Adds a collection; ok if exactly it is there already (replay). Errors: kInvalidArgument for a bad name, dim or
  // JSON, kAlreadyExists when the name is taken, kConflict when the number was given before.
  [[nodiscard]] Status insert(const Collection& collection);
  // Marks it as dropped; ok if it is so already. kNotFound if there never was one.
  [[nodiscard]] Status drop(CollectionNumber number, Lsn lsn);
  // Above every number that a point of the collection ever had as its id, as of its applied LSN; 0 if nothing was set.
  [[nodiscard]] Result<std::uint64_t> next_point_number(CollectionNumber number) const;
  [[nodiscard]] Status set_next_point_number(CollectionNumber number, std::uint64_t next);
  // Forgets a dropped collection. kInvalidArgument while it is live or has segments.
  [[nodiscard]] Status erase(CollectionNumber number);

 private:
  explicit CollectionsTable(Statements statements) : statements_(std::move(statements)) {}
  Status check_number_is_new(CollectionNumber number) const;

  Statements statements_;
};

}  // namespace vibrato::catalog

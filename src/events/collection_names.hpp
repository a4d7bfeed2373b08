// The names of collections of vectors by their numbers, for records, which have the number only. A number is given to
// one collection ever, so what was found out once stays true.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vibrato/result.hpp>

#include "base/ids.hpp"

namespace vibrato::events {

// All of the names that the log may speak of: those of dropped collections too, as long as records of theirs are kept.
using NameSource = std::function<Result<std::map<CollectionNumber, std::string>>()>;

// Thread-safety: all methods may be called from many threads at once.
class CollectionNames {
 public:
  explicit CollectionNames(NameSource source) : source_(std::move(source)) {}

  // Asks the source if the name is not known yet. One that the source does not know either is "#" and the number, which
  // is no name that a collection may have. Errors: those of the source.
  [[nodiscard]] Result<std::string> find(CollectionNumber number);

 private:
  const NameSource source_;
  std::mutex mutex_;  // Guards the members below.
  std::map<CollectionNumber, std::string> names_;
};

}  // namespace vibrato::events

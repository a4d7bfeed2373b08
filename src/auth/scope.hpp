// Which collections a key reaches: all of them and everything else in the database, or a list and nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::auth {

// Thread-safety: a value type.
class Scope {
 public:
  // Everything.
  Scope() = default;
  // These collections only, whether they exist or not. Errors: kInvalidArgument for an empty list, for more than
  // limits::kKeyCollectionsMax, and for what is no collection name.
  [[nodiscard]] static Result<Scope> only(std::vector<std::string> collections);

  [[nodiscard]] bool is_everything() const { return collections_.empty(); }
  [[nodiscard]] bool allows(std::string_view collection) const;
  // Sorted, each once; empty if is_everything().
  [[nodiscard]] const std::vector<std::string>& collections() const { return collections_; }

  friend bool operator==(const Scope&, const Scope&) = default;

 private:
  explicit Scope(std::vector<std::string> collections) : collections_(std::move(collections)) {}

  std::vector<std::string> collections_;
};

}  // namespace vibrato::auth

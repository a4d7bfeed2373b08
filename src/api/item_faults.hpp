// The numbers in a body of items that are too large for any number, by item. For the .cpp files of this folder.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "api/json_body.hpp"

namespace vibrato::api {

// The faults of a body, asked for item by item, in order. All of them are inside of items: nothing else is in the body.
class ItemFaults {
 public:
  explicit ItemFaults(const std::vector<NumberFault>& faults) : rest_(faults) {}

  // Null if the item at `position` has none.
  const Status* find(std::size_t position) {
    if (rest_.empty() || rest_.front().position != position) {
      return nullptr;
    }
    const Status* const error = &rest_.front().error;
    rest_ = rest_.subspan(1);
    return error;
  }

 private:
  std::span<const NumberFault> rest_;
};

}  // namespace vibrato::api

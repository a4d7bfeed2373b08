#include "sqlite/memory_bound.hpp"

#include <sqlite3.h>
#include <vibrato/check.hpp>

namespace vibrato::sqlite {
namespace {

sqlite3_mem_methods system_memory;
thread_local MemoryBound* bound_of_thread = nullptr;

void* take(int bytes) noexcept {
  if (bound_of_thread != nullptr && !bound_of_thread->allows(bytes)) {
    return nullptr;
  }
  void* const memory = system_memory.xMalloc(bytes);
  if (bound_of_thread != nullptr && memory != nullptr) {
    bound_of_thread->note(system_memory.xSize(memory));
  }
  return memory;
}

void give_back(void* memory) noexcept {
  if (bound_of_thread != nullptr && memory != nullptr) {
    bound_of_thread->note(-std::int64_t{system_memory.xSize(memory)});
  }
  system_memory.xFree(memory);
}

void* resize(void* memory, int bytes) noexcept {
  const std::int64_t before = system_memory.xSize(memory);
  if (bound_of_thread != nullptr && !bound_of_thread->allows(bytes - before)) {
    return nullptr;
  }
  void* const resized = system_memory.xRealloc(memory, bytes);
  if (bound_of_thread != nullptr && resized != nullptr) {
    bound_of_thread->note(system_memory.xSize(resized) - before);
  }
  return resized;
}

bool replace_memory_methods() {
  sqlite3_mem_methods counted;
  VIBRATO_CHECK(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_memory) == SQLITE_OK);
  counted = system_memory;
  counted.xMalloc = take;
  counted.xFree = give_back;
  counted.xRealloc = resize;
  VIBRATO_CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &counted) == SQLITE_OK);
  return true;
}

}  // namespace

void count_memory_of_sqlite() {
  [[maybe_unused]] static const bool is_done = replace_memory_methods();
}

void MemoryBound::begin(std::uint64_t bytes_max) {
  used_ = 0;
  bytes_max_ = static_cast<std::int64_t>(bytes_max);
  was_reached_ = false;
  bound_of_thread = this;
}

void MemoryBound::lift() {
  if (bound_of_thread == this) {
    bound_of_thread = nullptr;
  }
}

bool MemoryBound::allows(std::int64_t bytes) {
  if (bytes <= 0 || used_ + bytes <= bytes_max_) {
    return true;
  }
  was_reached_ = true;
  return false;
}

}  // namespace vibrato::sqlite

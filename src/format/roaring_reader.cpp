#include "format/roaring_reader.hpp"

#include <algorithm>

#include "base/byte_cursor.hpp"
#include "format/corrupt_at.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint32_t kCookieWithoutRuns = 12346;
constexpr std::uint32_t kCookieWithRuns = 12347;  // In the low 16 bits; the containers less one are above.
constexpr std::uint32_t kOffsetsFrom = 4;         // With runs, so many containers have a table of offsets.

static_assert(std::endian::native == std::endian::little);

struct Header {
  std::uint32_t containers = 0;
  std::span<const std::byte> run_flags;    // A bit a container; empty: none has runs.
  std::span<const std::byte> descriptors;  // u16 key and u16 cardinality less one, a container.
};

Result<Header> read_header(ByteReader& in) {
  Header header;
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t cookie, in.read_u32());
  const bool has_runs = (cookie & 0xffff) == kCookieWithRuns;
  if (has_runs) {
    header.containers = (cookie >> 16) + 1;
    VIBRATO_ASSIGN_OR_RETURN(header.run_flags, in.read_bytes((header.containers + 7) / 8));
  } else if (cookie == kCookieWithoutRuns) {
    VIBRATO_ASSIGN_OR_RETURN(header.containers, in.read_u32());
  } else {
    return corrupt_at(0, "cookie of a bitmap", kCookieWithoutRuns, cookie);
  }
  if (header.containers > 0x10000) {
    return corrupt_at(4, "containers of a bitmap", "at most 65536", header.containers);
  }
  VIBRATO_ASSIGN_OR_RETURN(header.descriptors, in.read_bytes(std::uint64_t{header.containers} * 4));
  if (!has_runs || header.containers >= kOffsetsFrom) {
    VIBRATO_RETURN_IF_ERROR(in.skip(std::uint64_t{header.containers} * 4));
  }
  return header;
}

void set_bits_between(std::span<std::uint64_t> words, std::uint32_t first, std::uint32_t end) {
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  while (first < end) {
    const std::uint32_t end_in_word = std::min(end, (first / 64 + 1) * 64);
    const std::uint64_t up_to_end = end_in_word % 64 == 0 ? kAll : (std::uint64_t{1} << (end_in_word % 64)) - 1;
    words[first / 64] |= up_to_end & (kAll << (first % 64));
    first = end_in_word;
  }
}

std::uint64_t bit_of(std::uint32_t value) {
  return std::uint64_t{1} << (value % 64);
}

// Quarter by quarter at the same time: neighbours are often in one word, and would wait for each other.
[[gnu::always_inline]] inline void set_in_quarters(const std::byte* values, std::uint32_t count, std::uint64_t* words) {
  const auto set = [&](std::uint32_t i) __attribute__((always_inline)) {
    std::uint16_t stored = 0;
    std::memcpy(&stored, values + std::size_t{i} * sizeof(stored), sizeof(stored));
    const std::uint32_t value = stored;
    words[value / 64] |= bit_of(value);
  };
  const std::uint32_t quarter = count / 4;
  for (std::uint32_t i = 0; i < quarter; ++i) {
    set(i);
    set(i + quarter);
    set(i + 2 * quarter);
    set(i + 3 * quarter);
  }
  for (std::uint32_t i = 4 * quarter; i < count; ++i) {
    set(i);
  }
}

#if defined(__x86_64__)
// The baseline of x86-64 shifts by one register only.
__attribute__((target("bmi2"))) void set_in_quarters_bmi2(const std::byte* values, std::uint32_t count,
                                                          std::uint64_t* words) {
  set_in_quarters(values, count, words);
}
#endif

// Any u16 has its place in the 1,024 words of a container.
void set_all_of_array(const std::byte* values, std::uint32_t count, std::uint64_t* words) {
#if defined(__x86_64__)
  static const bool has_bmi2 = __builtin_cpu_supports("bmi2") != 0;
  if (has_bmi2) {
    set_in_quarters_bmi2(values, count, words);
    return;
  }
#endif
  set_in_quarters(values, count, words);
}

}  // namespace

template <typename Visit>
Status RoaringReader::walk(const Visit& visit) const {
  if (bytes_.empty()) {
    return ok_status();
  }
  ByteReader in(bytes_);
  VIBRATO_ASSIGN_OR_RETURN(const Header header, read_header(in));
  std::uint32_t next_key = 0;
  for (std::uint32_t i = 0; i < header.containers; ++i) {
    const std::uint32_t key = u16_at(header.descriptors, std::size_t{i} * 2);
    const std::uint32_t cardinality = u16_at(header.descriptors, std::size_t{i} * 2 + 1) + 1U;
    if (key < next_key) {
      return corrupt_at(in.offset(), "key of a container", next_key, key);
    }
    next_key = key + 1;
    Container container;
    container.first_row = key * kContainerRows;
    const bool is_runs =
        !header.run_flags.empty() && ((std::to_integer<unsigned>(header.run_flags[i / 8]) >> (i % 8)) & 1) != 0;
    if (is_runs) {
      VIBRATO_ASSIGN_OR_RETURN(container.count, in.read_u16());
      container.kind = Kind::kRuns;
      VIBRATO_ASSIGN_OR_RETURN(container.data, in.read_bytes(std::uint64_t{container.count} * 4));
    } else if (cardinality <= kArrayMax) {
      container.count = cardinality;
      VIBRATO_ASSIGN_OR_RETURN(container.data, in.read_bytes(std::uint64_t{cardinality} * 2));
    } else {
      container.kind = Kind::kBits;
      VIBRATO_ASSIGN_OR_RETURN(container.data, in.read_bytes(kBitsBytes));
    }
    if (!visit(container)) {
      return ok_status();
    }
  }
  return in.at_end() ? ok_status() : corrupt_at(in.offset(), "bytes behind a bitmap", 0, in.remaining());
}

Result<RoaringReader> RoaringReader::open(std::span<const std::byte> bytes, std::uint32_t row_count) {
  RoaringReader reader;
  reader.bytes_ = bytes;
  reader.row_count_ = row_count;
  VIBRATO_RETURN_IF_ERROR(reader.walk([](const Container&) { return true; }));
  return reader;
}

// Each value in one run at most, however they overlap: the work is bounded by the container, not by what runs claim.
template <typename Visit>
void RoaringReader::for_each_run(const Container& runs, const Visit& visit) {
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < runs.count; ++i) {
    const std::uint32_t first = u16_at(runs.data, std::size_t{i} * 2);
    const std::uint32_t end = std::min(first + u16_at(runs.data, std::size_t{i} * 2 + 1) + 1U, kContainerRows);
    if (std::max(first, next) < end) {
      visit(std::max(first, next), end);
    }
    next = std::max(next, end);
  }
}

// Members at or above `rows` are left out; `words` are those of the container.
void RoaringReader::set_array(const Container& array, std::uint32_t rows, std::span<std::uint64_t> words) {
  if (rows == kContainerRows) {
    set_all_of_array(array.data.data(), array.count, words.data());
    return;
  }
  for (std::uint32_t i = 0; i < array.count; ++i) {
    const std::uint32_t value = u16_at(array.data, i);
    if (value < rows) {
      words[value / 64] |= bit_of(value);
    }
  }
}

void RoaringReader::set_bits(std::span<std::uint64_t> words) const {
  static_cast<void>(walk([&](const Container& container) {
    if (container.first_row >= row_count_) {
      return false;
    }
    const std::uint32_t rows = std::min(row_count_ - container.first_row, kContainerRows);
    if (container.kind == Kind::kArray) {
      set_array(container, rows, words.subspan(container.first_row / 64));
    } else if (container.kind == Kind::kRuns) {
      for_each_run(container, [&](std::uint32_t first, std::uint32_t end) {
        set_bits_between(words, container.first_row + std::min(first, rows), container.first_row + std::min(end, rows));
      });
    } else {
      const std::size_t count = (rows + 63) / 64;
      std::uint64_t* const out = words.data() + container.first_row / 64;
      for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, container.data.data() + i * sizeof(word), sizeof(word));
        const bool is_last = i + 1 == count && rows % 64 != 0;
        out[i] |= is_last ? word & ((std::uint64_t{1} << (rows % 64)) - 1) : word;
      }
    }
    return true;
  }));
}

void RoaringReader::append_rows(std::vector<std::uint32_t>& rows) const {
  const auto append = [&](std::uint32_t row) {
    if (row < row_count_) {
      rows.push_back(row);
    }
  };
  static_cast<void>(walk([&](const Container& container) {
    if (container.kind == Kind::kArray) {
      for (std::uint32_t i = 0; i < container.count; ++i) {
        append(container.first_row + u16_at(container.data, i));
      }
    }
    if (container.kind == Kind::kRuns) {
      for_each_run(container, [&](std::uint32_t first, std::uint32_t end) {
        for (std::uint32_t value = first; value < end; ++value) {
          append(container.first_row + value);
        }
      });
    }
    if (container.kind == Kind::kBits) {
      for (std::uint32_t i = 0; i < kContainerRows / 64; ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, container.data.data() + std::size_t{i} * sizeof(word), sizeof(word));
        for (; word != 0; word &= word - 1) {
          append(container.first_row + i * 64 + static_cast<std::uint32_t>(std::countr_zero(word)));
        }
      }
    }
    return container.first_row < row_count_;
  }));
}

bool RoaringReader::contains(std::uint32_t row) const {
  bool found = false;
  if (row >= row_count_) {
    return false;
  }
  static_cast<void>(walk([&](const Container& container) {
    if (container.first_row + (kContainerRows - 1) < row) {
      return true;
    }
    if (container.first_row > row) {
      return false;
    }
    const std::uint32_t value = row - container.first_row;
    if (container.kind == Kind::kBits) {
      found = ((std::to_integer<unsigned>(container.data[value / 8]) >> (value % 8)) & 1) != 0;
    }
    // The last array value, or start of a run, at or below it.
    const std::size_t width = container.kind == Kind::kRuns ? 2 : 1;
    std::uint32_t low = 0;
    std::uint32_t high = container.count;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (u16_at(container.data, middle * width) <= value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low > 0) {
      const std::uint32_t first = u16_at(container.data, (low - 1) * width);
      const std::uint32_t more = width == 2 ? u16_at(container.data, (low - 1) * width + 1) : 0U;
      found = value - first <= more;
    }
    return false;
  }));
  return found;
}

}  // namespace vibrato::format

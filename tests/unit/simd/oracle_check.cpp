#include "unit/simd/oracle_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <random>
#include <utility>

#include "unit/simd/guarded_buffer.hpp"

namespace vibrato::simd {
namespace {

constexpr std::size_t kMostDifferences = 10;
constexpr std::size_t kTailBytes = 8;  // f32 offset, f32 scale behind the codes

const Kernels& oracle() {
  return *kernels_for(Isa::kScalar);
}

// Collects what differs, with where.
class Report {
 public:
  void equal(const char* kernel, std::size_t dim, double got, double want) {
    const bool both_nan = std::isnan(got) && std::isnan(want);
    if (got != want && !both_nan) {
      add(kernel, dim, got, want);
    }
  }
  void near(const char* kernel, std::size_t dim, double got, double want, double tolerance) {
    if (!(std::fabs(got - want) <= tolerance)) {
      add(kernel, dim, got, want);
    }
  }
  [[nodiscard]] Differences take() { return std::move(differences_); }

 private:
  void add(const char* kernel, std::size_t dim, double got, double want) {
    if (differences_.size() < kMostDifferences) {
      differences_.push_back(std::string(kernel) + " at dim " + std::to_string(dim) + ": got " + std::to_string(got) +
                             ", want " + std::to_string(want));
    }
  }
  Differences differences_;
};

// A fixed generator: the checks are the same on every run.
std::mt19937 generator(std::size_t seed) {
  return std::mt19937(static_cast<std::uint32_t>(seed));
}

void fill_floats(float* values, std::size_t count, std::size_t seed) {
  std::mt19937 random = generator(seed);
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = normal(random);
  }
}

template <typename Byte>
void fill_bytes(Byte* bytes, std::size_t count, std::size_t seed) {
  std::mt19937 random = generator(seed);
  for (std::size_t i = 0; i < count; ++i) {
    bytes[i] = static_cast<Byte>(random());
  }
}

// The rounding that any order of summation may add up to: dim steps of half a unit in the last place, against the sum
// of magnitudes. Random signs make the real error much smaller.
double summation_tolerance(const float* a, const float* b, std::size_t dim, bool squared_difference) {
  double magnitude = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double difference = double{a[i]} - double{b[i]};
    magnitude += squared_difference ? difference * difference : std::fabs(double{a[i]} * double{b[i]});
  }
  return magnitude * (std::sqrt(static_cast<double>(dim)) + 4) * std::numeric_limits<float>::epsilon();
}

double exact_dot(const float* a, const float* b, std::size_t dim) {
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += double{a[i]} * double{b[i]};
  }
  return sum;
}

double exact_l2_squared(const float* a, const float* b, std::size_t dim) {
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  }
  return sum;
}

// Rows of codes and a query against them, every part of it before an unreadable page.
struct CodedRows {
  CodedRows(std::size_t code_bytes, std::size_t bits, std::size_t row_count, std::size_t seed)
      : bytes(row_count * (code_bytes + kTailBytes)), values(code_bytes * (8 / bits)) {
    rows = {.base = bytes.data(), .stride_bytes = code_bytes + kTailBytes, .code_bytes = code_bytes};
    fill_bytes(bytes.data(), bytes.size(), seed);
    fill_bytes(values.data(), values.size(), seed + 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = values[i] == -128 ? std::int8_t{-127} : values[i];
    }
    std::mt19937 random = generator(seed + 2);
    std::normal_distribution<float> normal;
    for (std::size_t r = 0; r < row_count; ++r) {
      set_tail(r, normal(random), normal(random));
    }
    query = {.values = values.data(), .scale = normal(random), .bias = normal(random), .base = normal(random)};
  }
  void set_tail(std::size_t row, float offset, float scale) {
    std::byte* tail = bytes.data() + row * rows.stride_bytes + rows.code_bytes;
    std::memcpy(tail, &offset, sizeof(offset));
    std::memcpy(tail + sizeof(offset), &scale, sizeof(scale));
  }

  GuardedBuffer<std::byte> bytes;
  GuardedBuffer<std::int8_t> values;
  CodeRows rows;
  CodeQuery query;
};

std::vector<std::size_t> checked_code_bytes() {
  std::vector<std::size_t> all;
  for (std::size_t bytes = 16; bytes <= 1024; bytes += 16) {
    all.push_back(bytes);
  }
  all.insert(all.end(), {2048, 4096, 8192, 16384});
  return all;
}

void compare_code_rows(const Kernels& tested, const CodedRows& coded, std::size_t bits,
                       const std::vector<std::uint32_t>& ids, Report& report) {
  const auto kernel = bits == 8 ? tested.sq8_rows : tested.sq4_rows;
  const auto wanted = bits == 8 ? oracle().sq8_rows : oracle().sq4_rows;
  GuardedBuffer<std::uint32_t> guarded_ids(ids.size());
  std::copy(ids.begin(), ids.end(), guarded_ids.data());
  GuardedBuffer<float> got(ids.size());
  std::vector<float> want(ids.size());
  kernel(coded.query, coded.rows, guarded_ids.data(), ids.size(), got.data());
  wanted(coded.query, coded.rows, ids.data(), ids.size(), want.data());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    report.equal(bits == 8 ? "sq8_rows" : "sq4_rows", coded.rows.code_bytes, got[i], want[i]);
  }
}

std::vector<std::uint32_t> some_ids(std::size_t count, std::size_t row_count) {
  std::mt19937 random = generator(count);
  std::vector<std::uint32_t> ids(count);
  for (std::uint32_t& id : ids) {
    id = static_cast<std::uint32_t>(random() % row_count);
  }
  if (count > 0) {
    ids.back() = static_cast<std::uint32_t>(row_count - 1);
  }
  return ids;
}

void check_code_rows_of(const Kernels& tested, std::size_t bits, Report& report) {
  constexpr std::size_t kRows = 5;
  for (const std::size_t code_bytes : checked_code_bytes()) {
    const CodedRows coded(code_bytes, bits, kRows, code_bytes + bits);
    for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 2, 3, 4, 7, 16, 21, 33}) {
      compare_code_rows(tested, coded, bits, some_ids(count, kRows), report);
    }
  }
}

void compare_bare_codes(const Kernels& tested, const std::uint8_t* a, const std::uint8_t* b, std::size_t count,
                        Report& report) {
  report.equal("sq8_dot", count, tested.sq8_dot(a, b, count), oracle().sq8_dot(a, b, count));
  report.equal("sq8_l2_squared", count, tested.sq8_l2_squared(a, b, count), oracle().sq8_l2_squared(a, b, count));
  report.equal("sq4_dot", count, tested.sq4_dot(a, b, count), oracle().sq4_dot(a, b, count));
  report.equal("sq4_l2_squared", count, tested.sq4_l2_squared(a, b, count), oracle().sq4_l2_squared(a, b, count));
}

void compare_quantize(const Kernels& tested, const float* values, float factor, std::size_t count, Report& report) {
  GuardedBuffer<std::int8_t> got(count);
  std::vector<std::int8_t> want(count);
  const std::int32_t got_sum = tested.quantize_s8(values, factor, count, got.data());
  const std::int32_t want_sum = oracle().quantize_s8(values, factor, count, want.data());
  report.equal("the sum of quantize_s8", count, got_sum, want_sum);
  for (std::size_t i = 0; i < count; ++i) {
    report.equal("quantize_s8", count, got[i], want[i]);
  }
}

// Rows of bare bytes with as many tables, every part of it before an unreadable page.
void check_product_rows_of(const Kernels& tested, std::size_t bytes, Report& report) {
  constexpr std::size_t kRows = 67;
  GuardedBuffer<std::byte> codes(kRows * bytes);
  GuardedBuffer<std::uint8_t> tables(bytes * kProductEntries);
  fill_bytes(codes.data(), codes.size(), bytes);
  fill_bytes(tables.data(), tables.size(), bytes + 1);
  const CodeRows rows{.base = codes.data(), .stride_bytes = bytes, .code_bytes = bytes};
  CodeQuery query;
  query.scale = 0.37F;
  query.base = -5.25F;
  query.tables = tables.data();
  for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 2, 15, 16, 17, 31, 33, 48, 63, 64, 65, 130}) {
    const std::vector<std::uint32_t> ids = some_ids(count, kRows);
    GuardedBuffer<float> got(count);
    std::vector<float> want(count);
    tested.pq_rows(query, rows, ids.data(), count, got.data());
    oracle().pq_rows(query, rows, ids.data(), count, want.data());
    for (std::size_t i = 0; i < count; ++i) {
      report.equal("pq_rows", bytes, got[i], want[i]);
    }
  }
}

// Every level at its largest: the sums that leave 16 bits where a kernel is careless.
void check_largest_sum(const Kernels& tested, Report& report) {
  for (const std::size_t bytes : std::initializer_list<std::size_t>{64, 257, 258, 300, 512, kProductBytesMax}) {
    const std::vector<std::byte> codes(bytes, std::byte{0xFF});
    const std::vector<std::uint8_t> tables(bytes * kProductEntries, 0xFF);
    const CodeRows rows{.base = codes.data(), .stride_bytes = bytes, .code_bytes = bytes};
    CodeQuery query;
    query.scale = 1.0F;
    query.tables = tables.data();
    const std::vector<std::uint32_t> ids(40, 0);
    std::vector<float> got(ids.size());
    tested.pq_rows(query, rows, ids.data(), ids.size(), got.data());
    for (const float distance : got) {
      report.equal("pq_rows", bytes, distance, 255.0 * static_cast<double>(bytes));
    }
  }
}

void compare_quantize_u8(const Kernels& tested, const float* values, std::size_t count, Report& report) {
  GuardedBuffer<std::uint8_t> got(count);
  std::vector<std::uint8_t> want(count);
  for (const float factor : {0.0F, 1.0F, 100.0F}) {
    tested.quantize_u8(values, -1.0F, factor, count, got.data());
    oracle().quantize_u8(values, -1.0F, factor, count, want.data());
    for (std::size_t i = 0; i < count; ++i) {
      report.equal("quantize_u8", count, got[i], want[i]);
    }
  }
}

void compare_order(const Kernels& tested, const float* values, std::size_t count, Report& report) {
  report.equal("least", count, static_cast<double>(tested.least(values, count)),
               static_cast<double>(oracle().least(values, count)));
  const Range got = tested.range(values, count);
  const Range want = oracle().range(values, count);
  report.equal("the low end of range", count, got.low, want.low);
  report.equal("the high end of range", count, got.high, want.high);
}

void compare_columns(const Kernels& tested, std::size_t count, std::size_t width, Report& report) {
  GuardedBuffer<float> weights(width);
  GuardedBuffer<float> start(count);
  const std::size_t stride = count + width;
  GuardedBuffer<float> columns((width - 1) * stride + count);
  GuardedBuffer<float> got(count);
  fill_floats(weights.data(), width, width);
  fill_floats(start.data(), count, count);
  fill_floats(columns.data(), columns.size(), count + width);
  tested.weighted_columns(weights.data(), width, columns.data(), stride, start.data(), count, got.data());
  for (std::size_t i = 0; i < count; ++i) {
    double want = start[i];
    double magnitude = std::fabs(want);
    for (std::size_t j = 0; j < width; ++j) {
      const double term = double{weights[j]} * double{columns[j * stride + i]};
      want += term;
      magnitude += std::fabs(term);
    }
    report.near("weighted_columns", count, got[i], want,
                magnitude * static_cast<double>(width + 2) * std::numeric_limits<float>::epsilon());
  }
}

void compare_hadamard(const Kernels& tested, std::size_t count, Report& report) {
  GuardedBuffer<float> got(count);
  fill_floats(got.data(), count, count);
  std::vector<float> want(got.data(), got.data() + count);
  tested.hadamard(got.data(), count);
  oracle().hadamard(want.data(), count);
  for (std::size_t i = 0; i < count; ++i) {
    report.equal("hadamard", count, got[i], want[i]);
  }
}

}  // namespace

std::vector<std::size_t> checked_dims() {
  std::vector<std::size_t> dims;
  for (std::size_t dim = 1; dim <= 200; ++dim) {
    dims.push_back(dim);
  }
  dims.insert(dims.end(), {255, 256, 257, 768, 1000, 1536, 4096, 16384});
  return dims;
}

Differences check_float_kernels(const Kernels& tested) {
  Report report;
  for (const std::size_t dim : checked_dims()) {
    GuardedBuffer<float> a(dim);
    GuardedBuffer<float> b(dim);
    fill_floats(a.data(), dim, dim);
    fill_floats(b.data(), dim, dim + 1);
    report.near("dot", dim, tested.dot(a.data(), b.data(), dim), exact_dot(a.data(), b.data(), dim),
                summation_tolerance(a.data(), b.data(), dim, false));
    report.near("l2_squared", dim, tested.l2_squared(a.data(), b.data(), dim),
                exact_l2_squared(a.data(), b.data(), dim), summation_tolerance(a.data(), b.data(), dim, true));
    report.near("norm_squared", dim, tested.norm_squared(a.data(), dim), exact_dot(a.data(), a.data(), dim),
                summation_tolerance(a.data(), a.data(), dim, false));
  }
  return report.take();
}

Differences check_float_row_kernels(const Kernels& tested) {
  Report report;
  constexpr std::size_t kRows = 5;
  for (const std::size_t dim : checked_dims()) {
    GuardedBuffer<float> query(dim);
    GuardedBuffer<float> data(kRows * dim);
    fill_floats(query.data(), dim, dim);
    fill_floats(data.data(), data.size(), dim + 1);
    const FloatRows rows{.base = data.data(), .stride_floats = dim, .dim = dim};
    for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 2, 3, 4, 9}) {
      const std::vector<std::uint32_t> ids = some_ids(count, kRows);
      GuardedBuffer<float> dots(count);
      GuardedBuffer<float> squares(count);
      tested.dot_rows(query.data(), rows, ids.data(), count, dots.data());
      tested.l2_squared_rows(query.data(), rows, ids.data(), count, squares.data());
      for (std::size_t i = 0; i < count; ++i) {
        const float* row = data.data() + ids[i] * dim;
        report.near("dot_rows", dim, dots[i], exact_dot(query.data(), row, dim),
                    summation_tolerance(query.data(), row, dim, false));
        report.near("l2_squared_rows", dim, squares[i], exact_l2_squared(query.data(), row, dim),
                    summation_tolerance(query.data(), row, dim, true));
      }
    }
  }
  return report.take();
}

Differences check_code_row_kernels(const Kernels& tested) {
  Report report;
  check_code_rows_of(tested, 8, report);
  check_code_rows_of(tested, 4, report);
  return report.take();
}

Differences check_bare_code_kernels(const Kernels& tested) {
  Report report;
  for (const std::size_t dim : checked_dims()) {
    GuardedBuffer<std::uint8_t> a(dim);
    GuardedBuffer<std::uint8_t> b(dim);
    fill_bytes(a.data(), dim, dim);
    fill_bytes(b.data(), dim, dim + 1);
    compare_bare_codes(tested, a.data(), b.data(), dim, report);
  }
  return report.take();
}

Differences check_transform_kernels(const Kernels& tested) {
  Report report;
  for (std::size_t count = 1; count <= 16384; count *= 2) {
    compare_hadamard(tested, count, report);
  }
  for (const std::size_t dim : checked_dims()) {
    GuardedBuffer<float> values(dim);
    GuardedBuffer<float> factors(dim);
    fill_floats(values.data(), dim, dim);
    fill_floats(factors.data(), dim, dim + 1);
    report.equal("max_abs", dim, tested.max_abs(values.data(), dim), oracle().max_abs(values.data(), dim));
    compare_quantize(tested, values.data(), 50.0F, dim, report);
    std::vector<float> want(values.data(), values.data() + dim);
    tested.multiply(values.data(), factors.data(), dim);
    oracle().multiply(want.data(), factors.data(), dim);
    for (std::size_t i = 0; i < dim; ++i) {
      report.equal("multiply", dim, values[i], want[i]);
    }
  }
  return report.take();
}

Differences check_product_row_kernels(const Kernels& tested) {
  Report report;
  for (std::size_t bytes = 1; bytes <= 140; ++bytes) {
    check_product_rows_of(tested, bytes, report);
  }
  for (const std::size_t bytes : std::initializer_list<std::size_t>{192, 255, 256, 1024, 4096, kProductBytesMax}) {
    check_product_rows_of(tested, bytes, report);
  }
  return report.take();
}

Differences check_product_table_kernels(const Kernels& tested) {
  Report report;
  for (const std::size_t count : checked_dims()) {
    GuardedBuffer<float> values(count);
    fill_floats(values.data(), count, count);
    compare_order(tested, values.data(), count, report);
    compare_quantize_u8(tested, values.data(), count, report);
    for (const std::size_t width : std::initializer_list<std::size_t>{1, 4, 5}) {
      compare_columns(tested, count, width, report);
    }
  }
  const std::vector<float> equal(300, 2.0F);
  compare_order(tested, equal.data(), equal.size(), report);
  return report.take();
}

Differences check_extremes(const Kernels& tested) {
  Report report;
  const std::vector<std::uint32_t> ids = some_ids(9, 4);
  for (const std::size_t code_bytes : checked_code_bytes()) {
    for (const int value : {127, -127}) {
      for (const std::size_t bits : {std::size_t{8}, std::size_t{4}}) {
        CodedRows coded(code_bytes, bits, 4, 1);
        std::memset(coded.bytes.data(), 0xFF, coded.bytes.size());
        std::memset(coded.values.data(), value, coded.values.size());
        for (std::size_t r = 0; r < 4; ++r) {
          coded.set_tail(r, 0.0F, 1.0F);
        }
        compare_code_rows(tested, coded, bits, ids, report);
      }
    }
  }
  check_largest_sum(tested, report);
  for (const std::size_t dim : checked_dims()) {
    const std::vector<std::uint8_t> largest(dim, 0xFF);
    const std::vector<std::uint8_t> zero(dim, 0);
    compare_bare_codes(tested, largest.data(), largest.data(), dim, report);
    compare_bare_codes(tested, largest.data(), zero.data(), dim, report);
    compare_bare_codes(tested, zero.data(), largest.data(), dim, report);
  }
  return report.take();
}

Differences check_float_edges(const Kernels& tested) {
  Report report;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kMax = std::numeric_limits<float>::max();
  const float edges[] = {kInfinity, -kInfinity, kNan,   kMax,   -kMax,   std::numeric_limits<float>::denorm_min(),
                         -0.0F,     0.5F,       1.5F,   2.5F,   -2.5F,   126.5F,
                         127.49F,   -126.5F,    1e-30F, 127.5F, -127.5F, 0.49999997F};
  for (const std::size_t dim : std::initializer_list<std::size_t>{1, 5, 16, 33, 70}) {
    for (const float edge : edges) {
      for (std::size_t at = 0; at < dim; ++at) {
        std::vector<float> a(dim, 1.0F);
        const std::vector<float> ones(dim, 1.0F);
        a[at] = edge;
        compare_quantize(tested, a.data(), 1.0F, dim, report);
        report.equal("max_abs", dim, tested.max_abs(a.data(), dim), oracle().max_abs(a.data(), dim));
        compare_order(tested, a.data(), dim, report);
        compare_quantize_u8(tested, a.data(), dim, report);
        // One term decides these sums, so that every order of summation gives the same float or the same infinity.
        if (!(std::fabs(edge) < kMax)) {
          report.equal("dot", dim, tested.dot(a.data(), ones.data(), dim), oracle().dot(a.data(), ones.data(), dim));
          report.equal("l2_squared", dim, tested.l2_squared(a.data(), ones.data(), dim),
                       oracle().l2_squared(a.data(), ones.data(), dim));
        }
      }
    }
  }
  return report.take();
}

}  // namespace vibrato::simd

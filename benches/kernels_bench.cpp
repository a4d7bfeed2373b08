// Times of the distance kernels on every instruction set of this CPU, beside hnswlib's and faiss'.
//
//   kernels_bench [Google Benchmark's flags]
//
// Repetitions of all benchmarks are interleaved in random order, so that a change of the machine's speed meets all of
// them alike; compare medians. Float kernels run on one hot pair (L1). Code kernels score 32 random rows a call, out of
// a set that fits L1/L2 ("hot") or of 16 MiB ("far", each call prefetches the next call's rows, which is part of the
// time): the counter says the time of a row.
#include <benchmark/benchmark.h>
#include <cstring>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "kernel_peers.hpp"
#include "simd/kernels.hpp"

namespace vibrato::bench {
namespace {

using simd::Isa;
using simd::Kernels;

constexpr std::size_t kRowsPerCall = 32;
constexpr std::size_t kIdSets = 1024;
constexpr std::size_t kFarBytes = std::size_t{16} << 20U;
constexpr std::size_t kHotBytes = std::size_t{24} << 10U;

std::vector<float> random_floats(std::size_t count) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

// Two hot vectors that start at cache lines, as rows of a .vdb file do.
struct HotPair {
  explicit HotPair(std::size_t dim) : storage(random_floats(2 * dim + 32)), dimension(dim) {}
  [[nodiscard]] const float* a() const {
    const auto address = reinterpret_cast<std::uintptr_t>(storage.data());
    return storage.data() + (64 - address % 64) % 64 / sizeof(float);
  }
  [[nodiscard]] const float* b() const { return a() + (dimension + 15) / 16 * 16; }

  std::vector<float> storage;
  std::size_t dimension;
};

void measure_pair(benchmark::State& state, Distance distance, std::size_t dim) {
  const HotPair pair(dim);
  for (auto _ : state) {
    benchmark::DoNotOptimize(distance(pair.a(), pair.b(), dim));
  }
}

void measure_pair_of_hnswlib(benchmark::State& state, HnswlibDistance distance, std::size_t dim) {
  const HotPair pair(dim);
  for (auto _ : state) {
    benchmark::DoNotOptimize(distance(pair.a(), pair.b(), &dim));
  }
}

void count_rows(benchmark::State& state) {
  state.counters["a_row"] = benchmark::Counter(
      static_cast<double>(kRowsPerCall), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// Rows of `row_bytes` (rounded up to `stride`) in a set of the wanted size, and random batches of their ids.
struct RowSet {
  RowSet(std::size_t stride_in, std::size_t total_bytes)
      : stride(stride_in), storage(total_bytes / stride * stride + 64), ids(kIdSets * kRowsPerCall) {
    std::mt19937 random(11);
    for (std::byte& byte : storage) {
      byte = static_cast<std::byte>(random());
    }
    for (std::uint32_t& id : ids) {
      id = static_cast<std::uint32_t>(random() % (total_bytes / stride));
    }
  }
  [[nodiscard]] const std::byte* base() const {
    const auto address = reinterpret_cast<std::uintptr_t>(storage.data());
    return storage.data() + (64 - address % 64) % 64;
  }
  [[nodiscard]] const std::uint32_t* batch(std::size_t call) const {
    return ids.data() + call % kIdSets * kRowsPerCall;
  }
  void prefetch(std::size_t call, std::size_t row_bytes) const {
    const std::uint32_t* next = batch(call);
    for (std::size_t r = 0; r < kRowsPerCall; ++r) {
      const std::byte* row = base() + next[r] * stride;
      for (std::size_t at = 0; at < row_bytes; at += 64) {
        __builtin_prefetch(row + at);
      }
    }
  }

  std::size_t stride;
  std::vector<std::byte> storage;
  std::vector<std::uint32_t> ids;
};

void measure_code_rows(benchmark::State& state, const Kernels* table, std::size_t bits, std::size_t dim, bool far) {
  const std::size_t code_bytes = dim * bits / 8;
  const std::size_t row_bytes = code_bytes + 8;
  const RowSet set((row_bytes + 15) / 16 * 16, far ? kFarBytes : kHotBytes);
  std::vector<std::int8_t> values(dim);
  std::mt19937 random(13);
  for (std::int8_t& value : values) {
    value = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
  }
  const simd::CodeRows rows{.base = set.base(), .stride_bytes = set.stride, .code_bytes = code_bytes};
  const simd::CodeQuery query{.values = values.data(), .scale = 0.1F, .bias = 1.0F, .base = 2.0F};
  const auto kernel = bits == 8 ? table->sq8_rows : table->sq4_rows;
  float out[kRowsPerCall];
  std::size_t call = 0;
  for (auto _ : state) {
    if (far) {
      set.prefetch(call + 1, row_bytes);
    }
    kernel(query, rows, set.batch(call), kRowsPerCall, out);
    benchmark::DoNotOptimize(out[0]);
    benchmark::ClobberMemory();
    ++call;
  }
  count_rows(state);
}

void measure_float_rows(benchmark::State& state, const Kernels* table, std::size_t dim, bool far) {
  const RowSet set(dim * sizeof(float), far ? kFarBytes : kHotBytes);
  const HotPair data(set.storage.size() / sizeof(float));
  const HotPair query(dim);
  const simd::FloatRows rows{.base = data.a(), .stride_floats = dim, .dim = dim};
  float out[kRowsPerCall];
  std::size_t call = 0;
  for (auto _ : state) {
    if (far) {
      for (std::size_t r = 0; r < kRowsPerCall; ++r) {
        const float* row = data.a() + set.batch(call + 1)[r] * dim;
        for (std::size_t at = 0; at < dim; at += 16) {
          __builtin_prefetch(row + at);
        }
      }
    }
    table->l2_squared_rows(query.a(), rows, set.batch(call), kRowsPerCall, out);
    benchmark::DoNotOptimize(out[0]);
    benchmark::ClobberMemory();
    ++call;
  }
  count_rows(state);
}

void measure_hadamard(benchmark::State& state, const Kernels* table, std::size_t count) {
  alignas(64) float values[1024] = {};
  for (auto _ : state) {
    table->hadamard(values, count);
    benchmark::ClobberMemory();
  }
}

void measure_quantize(benchmark::State& state, const Kernels* table, std::size_t count) {
  const std::vector<float> values = random_floats(count);
  std::vector<std::int8_t> out(count);
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->quantize_s8(values.data(), 30.0F, count, out.data()));
    benchmark::ClobberMemory();
  }
}

std::string name_of(const std::string& kernel, std::size_t dim, const std::string& who) {
  return kernel + "/" + std::to_string(dim) + "/" + who;
}

void register_pairs(std::size_t dim, const std::vector<const Kernels*>& tables) {
  for (const Kernels* table : tables) {
    const std::string who(table->name);
    benchmark::RegisterBenchmark(name_of("dot", dim, who).c_str(), measure_pair, table->dot, dim);
    benchmark::RegisterBenchmark(name_of("l2", dim, who).c_str(), measure_pair, table->l2_squared, dim);
  }
  if (const auto peer = hnswlib_kernels(dim); peer.dot != nullptr) {
    benchmark::RegisterBenchmark(name_of("dot", dim, peer.label).c_str(), measure_pair_of_hnswlib, peer.dot, dim);
    benchmark::RegisterBenchmark(name_of("l2", dim, peer.label).c_str(), measure_pair_of_hnswlib, peer.l2_squared, dim);
  }
  if (const auto peer = faiss_kernels(); peer.dot != nullptr) {
    benchmark::RegisterBenchmark(name_of("dot", dim, peer.label).c_str(), measure_pair, peer.dot, dim);
    benchmark::RegisterBenchmark(name_of("l2", dim, peer.label).c_str(), measure_pair, peer.l2_squared, dim);
  }
}

void register_rows(const Kernels* table) {
  const std::string who(table->name);
  for (const bool far : {false, true}) {
    const std::string place = far ? "_far" : "_hot";
    for (const std::size_t dim : std::initializer_list<std::size_t>{128, 256, 768}) {
      benchmark::RegisterBenchmark(name_of("sq4_rows" + place, dim, who).c_str(), measure_code_rows, table, 4, dim,
                                   far);
      benchmark::RegisterBenchmark(name_of("sq8_rows" + place, dim, who).c_str(), measure_code_rows, table, 8, dim,
                                   far);
      benchmark::RegisterBenchmark(name_of("l2_rows" + place, dim, who).c_str(), measure_float_rows, table, dim, far);
    }
  }
  for (const std::size_t count : std::initializer_list<std::size_t>{64, 128, 256, 512, 1024}) {
    benchmark::RegisterBenchmark(name_of("hadamard", count, who).c_str(), measure_hadamard, table, count);
  }
  benchmark::RegisterBenchmark(name_of("quantize_s8", 256, who).c_str(), measure_quantize, table, 256);
}

void register_all() {
  std::vector<const Kernels*> tables;
  for (const Isa isa : {Isa::kScalar, Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kNeon}) {
    if (const Kernels* table = simd::kernels_for(isa); table != nullptr) {
      tables.push_back(table);
    }
  }
  for (const std::size_t dim : std::initializer_list<std::size_t>{128, 768, 1536}) {
    register_pairs(dim, tables);
  }
  for (const Kernels* table : tables) {
    register_rows(table);
  }
}

}  // namespace
}  // namespace vibrato::bench

int main(int argc, char** argv) {
  // Defaults that a flag on the command line overrides.
  std::string defaults[] = {"--benchmark_enable_random_interleaving=true", "--benchmark_repetitions=7",
                            "--benchmark_min_time=0.02", "--benchmark_report_aggregates_only=true"};
  std::vector<char*> arguments{argv[0]};
  for (std::string& flag : defaults) {
    arguments.push_back(flag.data());
  }
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
    return 2;
  }
  vibrato::bench::register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

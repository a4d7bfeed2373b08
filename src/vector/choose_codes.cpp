#include "vector/choose_codes.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "base/parallel_for.hpp"
#include "quant/scalar_quantizer.hpp"

namespace vibrato::vector {
namespace {

using quant::CodeKind;

// `count` rows spread evenly over [0, rows).
std::vector<std::uint32_t> spread(std::uint32_t rows, std::uint32_t count) {
  std::vector<std::uint32_t> picked(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    picked[i] = static_cast<std::uint32_t>(std::uint64_t{i} * rows / count);
  }
  return picked;
}

// The positions in `distances` of the `count` smallest, without `excluded`; ties by position.
void smallest(const std::vector<float>& distances, std::uint32_t excluded, std::size_t count,
              std::vector<std::uint32_t>& out) {
  out.resize(distances.size());
  std::iota(out.begin(), out.end(), 0U);
  out.erase(out.begin() + excluded);
  count = std::min(count, out.size());
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), out.end(),
                    [&](std::uint32_t a, std::uint32_t b) {
                      return distances[a] != distances[b] ? distances[a] < distances[b] : a < b;
                    });
  out.resize(count);
}

// Coded copies of the sampled rows, one after the other.
std::vector<std::byte> encode_sample(const simd::Kernels& kernels, const hnsw::RowSpace& space,
                                     const quant::ScalarQuantizer& quantizer, const std::vector<std::uint32_t>& sample,
                                     std::size_t threads) {
  const std::size_t stride = quantizer.layout().stride_bytes;
  std::vector<std::byte> codes(sample.size() * stride);
  std::vector<std::vector<float>> scratches(threads);
  parallel_for(threads, sample.size(), [&](std::size_t begin, std::size_t end, std::size_t thread) {
    for (std::size_t i = begin; i < end; ++i) {
      const float* row = space.vectors.base + std::size_t{sample[i]} * space.vectors.stride_floats;
      quantizer.encode(kernels, row, codes.data() + i * stride, scratches[thread]);
    }
  });
  return codes;
}

// What one thread counts and needs to do so.
struct Count {
  std::vector<float> distances;
  std::vector<std::uint32_t> truth;
  std::vector<std::uint32_t> found;
  quant::PreparedQuery prepared;
  std::uint64_t hits = 0;
  std::uint64_t wanted = 0;
};

// Some rows of the sample are queries against all of it. The sum of what is found is the same on any number of threads.
double measure(const simd::Kernels& kernels, const hnsw::RowSpace& space, const quant::ScalarQuantizer& quantizer,
               std::size_t threads) {
  const std::vector<std::uint32_t> sample = spread(space.row_count, std::min(space.row_count, kChoiceRowsMax));
  const std::vector<std::byte> codes = encode_sample(kernels, space, quantizer, sample, threads);
  hnsw::RowSpace coded;
  coded.metric = space.metric;
  coded.row_count = static_cast<std::uint32_t>(sample.size());
  coded.quantizer = &quantizer;
  coded.codes = {codes.data(), quantizer.layout().stride_bytes, quantizer.layout().code_bytes};
  std::vector<std::uint32_t> positions(sample.size());
  std::iota(positions.begin(), positions.end(), 0U);

  const auto count_query = [&](std::uint32_t at, Count& count) {
    const float* query = space.vectors.base + std::size_t{sample[at]} * space.vectors.stride_floats;
    count.distances.resize(sample.size());
    hnsw::ExactScorer(kernels, space, query).score(sample.data(), sample.size(), count.distances.data());
    smallest(count.distances, at, kChoiceNeighbours, count.truth);
    quantizer.prepare(kernels, query, count.prepared);
    hnsw::WalkScorer(kernels, coded, count.prepared).score(positions.data(), positions.size(), count.distances.data());
    smallest(count.distances, at, kChoiceCandidates, count.found);
    for (const std::uint32_t position : count.truth) {
      count.hits += std::find(count.found.begin(), count.found.end(), position) != count.found.end() ? 1 : 0;
    }
    count.wanted += count.truth.size();
  };
  const std::vector<std::uint32_t> queries = spread(coded.row_count, std::min(coded.row_count, kChoiceQueries));
  std::vector<Count> counts(threads);
  parallel_for(threads, queries.size(), 1, [&](std::size_t begin, std::size_t end, std::size_t thread) {
    for (std::size_t i = begin; i < end; ++i) {
      count_query(queries[i], counts[thread]);
    }
  });
  std::uint64_t hits = 0;
  std::uint64_t wanted = 0;
  for (const Count& count : counts) {
    hits += count.hits;
    wanted += count.wanted;
  }
  return wanted == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(wanted);
}

}  // namespace

bool may_be_coded(const hnsw::RowSpace& space) {
  return space.row_count >= kCodedRowsMin && space.vectors.dim >= kCodedDimMin && space.norm_max <= kCodedNormMax;
}

CodeChoice choose_codes(const simd::Kernels& kernels, const hnsw::RowSpace& space, std::span<const float> centre,
                        std::uint64_t rotation_seed, std::size_t threads) {
  CodeChoice choice;
  if (!may_be_coded(space)) {
    return choice;
  }
  const quant::ScalarQuantizer quantizer(space.metric, CodeKind::kSq4, {centre.begin(), centre.end()}, rotation_seed);
  choice.sq4_recall = measure(kernels, space, quantizer, std::max<std::size_t>(threads, 1));
  choice.kind = *choice.sq4_recall >= kChoiceRecallMin ? CodeKind::kSq4 : CodeKind::kSq8;
  return choice;
}

}  // namespace vibrato::vector

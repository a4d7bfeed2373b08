// What takes part in a comparison: an index that is built once and then asked one query a call.
//
// A contender owns what it searches: the base matrix is freed after build(), so that memory is counted for what each
// keeps. Peers live in translation units of their own, compiled for this machine and without the project's warnings.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/status.hpp>

#include "matrix.hpp"

namespace vibrato::bench {

// One setting of a search. Peers know `ef` only; `slack` is how much farther than the k-th best row so far a
// candidate may be and still be expanded, 0 where the contender has no such rule.
struct Effort {
  std::uint32_t ef = 0;
  float slack = 0;
};

struct BuildOptions {
  Metric metric = Metric::kL2;
  std::uint32_t m = 16;
  std::uint32_t ef_construction = 200;
  unsigned threads = 1;
  std::uint64_t seed = 100;
  std::string codes = "auto";  // What the project's own index walks on: auto, sq8, sq4 or none. Peers ignore it.
};

class Contender {
 public:
  virtual ~Contender() = default;
  Contender() = default;
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;

  [[nodiscard]] virtual std::string name() const = 0;
  // A remark to print beside the figures, e.g. what the binary was compiled for.
  [[nodiscard]] virtual std::string note() const { return {}; }

  // Builds the index over `base`; the timed part. Replaces an index built before.
  [[nodiscard]] virtual Status build(const Matrix& base, const BuildOptions& options) = 0;

  // What a server does between building and serving, e.g. writing a file and mapping it; not timed as building.
  [[nodiscard]] virtual Status prepare() { return ok_status(); }

  // Sets what all following searches use. Not to be called while searches run.
  virtual void set_effort(const Effort& effort) = 0;

  // Fills `out` with the row numbers of the best out.size() rows, best first; returns how many were found.
  // Safe to call from many threads at once.
  virtual std::size_t search(std::span<const float> query, std::span<std::uint32_t> out) const = 0;

  // Counting pass: between counting(true) and counting(false) the contender counts the distances it computes, where
  // it can. The count so far, or nothing where it cannot.
  virtual void counting(bool) {}
  [[nodiscard]] virtual std::optional<std::uint64_t> distances() const { return std::nullopt; }

  [[nodiscard]] virtual std::vector<Effort> default_efforts() const = 0;
};

// Peers that were found when the benches were configured answer with an index; the others with nullptr.
[[nodiscard]] std::unique_ptr<Contender> make_hnswlib();
[[nodiscard]] std::unique_ptr<Contender> make_faiss();
[[nodiscard]] std::unique_ptr<Contender> make_vibrato();
// A `.vdb` file through the code that serves it.
[[nodiscard]] std::unique_ptr<Contender> make_vibrato_file(const std::string& path);
// Exact search over f32 rows with the project's kernels: the ceiling of recall.
[[nodiscard]] std::unique_ptr<Contender> make_flat();

}  // namespace vibrato::bench

// Reads the vector files that benches work on: fvecs, bvecs, ivecs (http://corpus-texmex.irisa.fr) and npy
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) of f2, f4 or f8 in C order.
#pragma once

#include <string>
#include <vibrato/result.hpp>

#include "matrix.hpp"

namespace vibrato::bench {

// Reads at most `limit` rows (0: all) of a .fvecs, .bvecs or .npy file, chosen by its name.
// Errors: kIoError (cannot be read), kInvalidArgument (not such a file).
[[nodiscard]] Result<Matrix> load_matrix(const std::string& path, std::size_t limit);

// Reads an .ivecs file. Errors: as load_matrix.
[[nodiscard]] Result<Truth> load_truth(const std::string& path, std::size_t limit);

}  // namespace vibrato::bench

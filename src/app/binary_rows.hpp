// Row sources over files whose rows have one fixed size: .npy, .fvecs, .bvecs.
#pragma once

#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "app/row_source.hpp"
#include "format/vecs.hpp"

namespace vibrato::app {

[[nodiscard]] Result<std::unique_ptr<RowSource>> open_npy(io::FileSystem& fs, const std::string& path);

// Requires: kind is not kIvecs.
[[nodiscard]] Result<std::unique_ptr<RowSource>> open_vecs(io::FileSystem& fs, const std::string& path,
                                                           format::VecsKind kind);

}  // namespace vibrato::app

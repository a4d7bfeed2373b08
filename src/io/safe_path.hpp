// Names and paths of our own files. Everything that becomes a path from outside (collection, snapshot and key names)
// goes through join_beneath, which lets nothing leave the root. Pure; anyone may call it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::io {

inline constexpr std::size_t kNameBytesMax = 64;

// Whether `name` matches [A-Za-z0-9_.-]{1,64} without a leading dot.
[[nodiscard]] bool is_safe_name(std::string_view name);

// kInvalidArgument, saying what a name may be, unless is_safe_name(name).
[[nodiscard]] Status check_name(std::string_view name);

// `root` + "/" + `relative`, where `relative` is one safe name or several joined by single slashes.
// Errors: kInvalidArgument for anything else: empty parts, "..", absolute paths, NUL, leading dots.
[[nodiscard]] Result<std::string> join_beneath(std::string_view root, std::string_view relative);

// The folder that holds `path`: "a/b" -> "a", "b" -> ".", "/b" -> "/". Trailing slashes do not count.
[[nodiscard]] std::string parent_of(std::string_view path);
// The last part of `path`: "a/b" -> "b". Empty for "/" and "".
[[nodiscard]] std::string file_name_of(std::string_view path);

}  // namespace vibrato::io

// The writer of JSON text, as this folder's files know it.
#pragma once

#include "base/json_writer.hpp"

namespace vibrato::api {

using vibrato::JsonWriter;

}  // namespace vibrato::api

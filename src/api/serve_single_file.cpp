// Apart from serve_api.cpp, so that tests over a made backend link without the model.
#include <memory>

#include "api/serve_api.hpp"
#include "api/single_file_backend.hpp"

namespace vibrato::api {

RouteTable make_serve_routes(vector::SingleFile& file, const Clock& clock, const ServeApiOptions& options) {
  return make_serve_routes(std::make_shared<SingleFileBackend>(file), clock, options);
}

}  // namespace vibrato::api

// hnswlib's distance functions, chosen by its own spaces as its index would choose them.
#include "kernel_peers.hpp"

#if __has_include(<hnswlib/hnswlib.h>)
#include <hnswlib/hnswlib.h>

namespace vibrato::bench {

KernelPeer<HnswlibDistance> hnswlib_kernels(std::size_t dim) {
  return {"hnswlib", hnswlib::InnerProductSpace(dim).get_dist_func(), hnswlib::L2Space(dim).get_dist_func()};
}

}  // namespace vibrato::bench

#else

vibrato::bench::KernelPeer<vibrato::bench::HnswlibDistance> vibrato::bench::hnswlib_kernels(std::size_t /*dim*/) {
  return {};
}

#endif

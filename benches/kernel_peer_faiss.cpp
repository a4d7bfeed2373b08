// faiss' distance functions. The library of a distribution is compiled for the oldest CPU of the architecture, so its
// figures say nothing about a faiss compiled for this machine; the label says so.
#include "kernel_peers.hpp"

#if defined(VIBRATO_HAS_FAISS)
#include <faiss/utils/distances.h>

namespace vibrato::bench {

KernelPeer<Distance> faiss_kernels() {
  return {"faiss(baseline_binary_no_real_peer)", faiss::fvec_inner_product, faiss::fvec_L2sqr};
}

}  // namespace vibrato::bench

#else

vibrato::bench::KernelPeer<vibrato::bench::Distance> vibrato::bench::faiss_kernels() {
  return {};
}

#endif

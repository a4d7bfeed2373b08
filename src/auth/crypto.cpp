#include "auth/crypto.hpp"

#include <climits>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <vibrato/check.hpp>

namespace vibrato::auth {
namespace {

const unsigned char* data_of(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* data_of(Digest& digest) {
  return reinterpret_cast<unsigned char*>(digest.data());
}

}  // namespace

void Sha256::Free::operator()(evp_md_st* algorithm) const {
  ::EVP_MD_free(algorithm);
}

Sha256::Sha256() : algorithm_(::EVP_MD_fetch(nullptr, "SHA256", nullptr)) {
  VIBRATO_CHECK(algorithm_ != nullptr);
}

Digest Sha256::operator()(std::span<const std::byte> message) const {
  Digest digest{};
  unsigned int length = 0;
  VIBRATO_CHECK(::EVP_Digest(message.data(), message.size(), data_of(digest), &length, algorithm_.get(), nullptr) == 1);
  VIBRATO_CHECK(length == digest.size());
  return digest;
}

Digest hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message) {
  VIBRATO_CHECK(key.size() <= INT_MAX);
  Digest digest{};
  unsigned int length = 0;
  // A null key would mean "the key of the call before" to OpenSSL.
  const unsigned char* const key_data = key.empty() ? reinterpret_cast<const unsigned char*>("") : data_of(key);
  VIBRATO_CHECK(::HMAC(::EVP_sha256(), key_data, static_cast<int>(key.size()), data_of(message), message.size(),
                       data_of(digest), &length) != nullptr);
  VIBRATO_CHECK(length == digest.size());
  return digest;
}

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::span<std::byte> secret) {
  ::OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace vibrato::auth

#include "engine/file_hash.hpp"

#include <openssl/evp.h>

#include "io/copy_file.hpp"

namespace vibrato::engine {

void FileHasher::Free::operator()(evp_md_ctx_st* context) const {
  ::EVP_MD_CTX_free(context);
}

FileHasher::FileHasher() : context_(::EVP_MD_CTX_new()) {
  VIBRATO_CHECK(context_ != nullptr);
  VIBRATO_CHECK(::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) == 1);
}

void FileHasher::add(std::span<const std::byte> bytes) {
  VIBRATO_CHECK(::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

FileDigest FileHasher::finish() {
  FileDigest digest{};
  unsigned int length = 0;
  VIBRATO_CHECK(::EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &length) == 1);
  VIBRATO_CHECK(length == digest.size());
  return digest;
}

Result<FileDigest> hash_file(io::FileSystem& fs, const std::string& path, std::uint64_t bytes,
                             const std::function<Status(std::uint64_t)>& each_piece) {
  VIBRATO_ASSIGN_OR_RETURN(const auto file, fs.open(path, io::OpenMode::kReadOnly));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  if (size != bytes) {
    return corruption(path + ": size: expected " + std::to_string(bytes) + " bytes, found " + std::to_string(size));
  }
  FileHasher hasher;
  const Status read = io::read_pieces(*file, bytes, [&](std::span<const std::byte> piece) {
    hasher.add(piece);
    return each_piece ? each_piece(piece.size()) : ok_status();
  });
  if (!read.ok()) {
    return read;
  }
  return hasher.finish();
}

}  // namespace vibrato::engine

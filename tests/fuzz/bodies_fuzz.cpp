// Any bytes as the body of a request to the database, the first byte choosing the route: the answer is JSON, says what
// it is, and is never 500; what was refused changed nothing that a reader counts.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vibrato/check.hpp>

#include "support/database_api.hpp"

namespace {

using namespace vibrato;

constexpr std::array kTargets = {
    "/v1/vector/c/upsert", "/v1/vector/c/add",    "/v1/vector/c/upsert_batch",
    "/v1/vector/c/update", "/v1/vector/c/delete", "/v1/vector/c/delete_batch",
    "/v1/vector/c/search", "/v1/vector/new",      "/v1/admin/keys",
    "/v1/admin/compact",   "/v2/vectors",         "/v2/vectors/batch",
    "/v2/query",
};

// One database for all inputs, as a server has.
test::DatabaseApi& database() {
  static test::DatabaseApi api({.no_auth = true});
  static const bool is_made = api.post("/v1/vector/c", R"({"dim":2,"metric":"l2"})").status == 200;
  VIBRATO_CHECK(is_made);
  return api;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  test::DatabaseApi& api = database();
  const std::string target = kTargets[data[0] % kTargets.size()];
  const std::uint64_t before = api.lsn();
  const auto answer = api.post(target, std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  VIBRATO_CHECK(answer.status >= 200 && answer.status < 600 && answer.status != 500);
  VIBRATO_CHECK(answer.body.is_object() || answer.body.is_array());
  // The first write of /v2 makes its collection, whatever becomes of the write.
  VIBRATO_CHECK(answer.status < 400 || api.lsn() == before || target.starts_with("/v2"));
  if (target == "/v1/vector/new" && answer.status == 200) {
    VIBRATO_CHECK(api.del(target).status == 200);
  }
  return 0;
}

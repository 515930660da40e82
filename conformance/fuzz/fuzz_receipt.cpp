// A receipt is either refused in one line that names its place, or it is exactly the bytes that it is written as.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "conformance/fuzz/require.hpp"
#include "runtime/state/receipt.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nucleus::state;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_receipt(text, "receipt");
  if (!parsed) {
    REQUIRE(parsed.error().text.starts_with("receipt: "));
    return 0;
  }
  text.remove_suffix(text.ends_with('\n') ? 1 : 0);
  REQUIRE(to_json(*parsed) == text);
  Receipt unsigned_one = *parsed;
  unsigned_one.signature.reset();
  REQUIRE(attested_part(*parsed) == to_json(unsigned_one));
  return 0;
}

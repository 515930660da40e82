// A lock is either refused in one line with a position, or it is exactly the text that its digests have.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "conformance/fuzz/require.hpp"
#include "hardening/policy_lock.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nucleus::hardening;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_lock(text, "policy.lock");
  if (!parsed) {
    REQUIRE(parsed.error().text.starts_with("policy.lock:"));
    REQUIRE(parsed.error().text.find('\n') == std::string::npos);
    return 0;
  }
  std::string again;
  for (std::size_t i = 0; i < parsed->size(); ++i) {
    again += to_hex((*parsed)[i]) + "  " + std::string(kPolicyFiles[i]) + "\n";
  }
  REQUIRE(again == text);
  return 0;
}

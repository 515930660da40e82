// Any text is either refused in one line with a place, or is the one spelling of the manifest it says. Signature files
// ride along.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "conformance/fuzz/require.hpp"
#include "hardening/attest_compare.hpp"
#include "hardening/signature.hpp"

using namespace nucleus::hardening;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto signature = parse_signature(text, "s")) {
    REQUIRE(parse_signature(signature_text(*signature), "s") == *signature);
  }
  const auto manifest = parse_manifest(text, "m");
  if (!manifest) {
    REQUIRE(manifest.error().text.find('\n') == std::string::npos);
    REQUIRE(manifest.error().text.starts_with("m:"));
    return 0;
  }
  const auto again = manifest_text(*manifest);
  REQUIRE(again && (*again == text || manifest->version == 1));
  REQUIRE(parse_manifest(*again, "again") == *manifest);
  REQUIRE(compare(*manifest, *manifest).empty());
  for (std::size_t i = 1; i < manifest->entries.size(); ++i) {
    REQUIRE(path_precedes(manifest->entries[i - 1].path, manifest->entries[i].path));
  }
  return 0;
}

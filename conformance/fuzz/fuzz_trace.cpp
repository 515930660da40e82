// Any text is either refused in one line or is a trace that survives its own text; a profile made of it can be read again.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "conformance/fuzz/require.hpp"
#include "hardening/seccomp_allowed.hpp"
#include "hardening/trace_generate.hpp"
#include "oci/document.hpp"

namespace {

using namespace nucleus;

void check_generated(const hardening::Trace& trace) {
  oci::Seccomp base;
  base.default_action = "SCMP_ACT_ERRNO";
  const auto made = hardening::generate_profile(std::span(&trace, 1), base, true);
  if (!made) {
    return;
  }
  const auto back = oci::parse_seccomp(hardening::profile_text(made->profile), "profile");
  REQUIRE(back && *back == made->profile);
  const auto use = hardening::profile_use(made->profile, std::span(&trace, 1));
  REQUIRE(!use || use->missing.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto trace = hardening::parse_trace({reinterpret_cast<const char*>(data), size}, "trace");
  if (!trace) {
    REQUIRE(trace.error().text.find('\n') == std::string::npos);
    return 0;
  }
  const auto again = hardening::parse_trace(hardening::to_text(*trace), "again");
  REQUIRE(again && again->records.size() == trace->records.size());
  check_generated(*trace);
  return 0;
}

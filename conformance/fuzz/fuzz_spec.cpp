// Any text is either refused in one line or decodes to a Spec that survives encoding, rewriting and patching.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "conformance/fuzz/require.hpp"
#include "oci/document.hpp"
#include "oci/json.hpp"
#include "oci/validate.hpp"

namespace {

using namespace nucleus::oci;

// Something of what hardening does.
Spec tightened(Spec spec) {
  spec.root.readonly = !spec.root.readonly;
  spec.linux.seccomp.reset();
  spec.linux.masked_paths.emplace_back("/proc/kcore");
  if (!spec.mounts.empty()) {
    spec.mounts.front().options.emplace_back("nosuid");
  }
  if (spec.process && !spec.process->args.empty()) {
    spec.process->args.pop_back();
  }
  return spec;
}

void check_round_trips(std::string_view text, const Spec& spec) {
  const auto again = parse_spec(to_json(spec), "again");
  REQUIRE(again && *again == spec);
  REQUIRE(Json::parse(rewrite_document(text, spec)) == Json::parse(text));
  const Spec now = tightened(spec);
  const std::string rewritten = rewrite_document(text, now);
  const auto back = parse_spec(rewritten, "rewritten");
  REQUIRE(back && *back == now);
  const Json patch = Json::parse(json_patch(text, rewritten));
  REQUIRE(Json::parse(text).patch(patch) == Json::parse(rewritten));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = parse_spec(text, "config.json");
  if (!spec) {
    REQUIRE(spec.error().text.find('\n') == std::string::npos);
    return 0;
  }
  const auto status = validate(*spec);
  REQUIRE(status || status.error().text.find('\n') == std::string::npos);
  check_round_trips(text, *spec);
  return 0;
}

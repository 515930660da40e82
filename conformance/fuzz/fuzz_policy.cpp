// A policy set with one file exchanged is either refused in one line that begins with the file, or can be shown and reviewed
// without harm, keeps no capability twice, and its Landlock rules and egress entries have origins. The first byte of the input
// chooses the file.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "conformance/fuzz/require.hpp"
#include "hardening/policy_lint.hpp"
#include "hardening/policy_text.hpp"
#include "hardening/shipped_policies.hpp"

namespace {

using namespace nucleus::hardening;

PolicySource source_with(std::size_t file, std::string_view bytes) {
  PolicySource source;
  source.name = "default";
  source.directory = "/etc/nucleus/policies/default/";
  for (std::size_t i = 0; i < kPolicyFiles.size(); ++i) {
    source.input.bytes[i] = i == file ? bytes : shipped_file("default", kPolicyFiles[i]).value_or("");
    source.input.shown[i] = kPolicyFiles[i];
  }
  return source;
}

void check(const PolicySource& source, const Policy& policy) {
  const std::set<std::string> kept(policy.keep_bounding.begin(), policy.keep_bounding.end());
  REQUIRE(kept.size() == policy.keep_bounding.size());
  for (const auto& name : policy.keep_ambient) {
    REQUIRE(kept.contains(name));
  }
  for (const auto& rule : policy.landlock.rules) {
    REQUIRE(rule.path.starts_with('/') && rule.access != 0 && !rule.origin.empty());
    REQUIRE((rule.path + "/").find("/../") == std::string::npos);
  }
  for (const auto& entry : policy.egress.allow) {
    REQUIRE(!entry.origin.empty() && (entry.block.has_value() != !entry.name.empty()));
    REQUIRE(!entry.block || entry.block->prefix > 0);
  }
  const auto rules = lint_rules();
  for (const auto& finding : lint(source, policy)) {
    bool known = false;
    for (const auto& rule : rules) {
      known = known || rule.name == finding.rule;
    }
    REQUIRE(known && !finding.text.empty() && !finding.place.empty());
  }
  REQUIRE(policy_text(source, policy).ends_with('\n') && policy_json(source, policy).ends_with("}\n"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t file = data[0] % kPolicyFiles.size();
  const PolicySource source = source_with(file, {reinterpret_cast<const char*>(data) + 1, size - 1});
  const auto policy = decode_policy(source.input, source.name, true);
  if (policy) {
    check(source, *policy);
    return 0;
  }
  REQUIRE(policy.error().text.starts_with(kPolicyFiles[file]));
  REQUIRE(policy.error().text.find('\n') == std::string::npos);
  return 0;
}

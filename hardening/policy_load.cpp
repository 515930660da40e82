// A policy set by its name or pin.
#include <utility>

#include "hardening/digest.hpp"
#include "hardening/policy_source.hpp"

namespace nucleus::hardening {
namespace {

Result<Policy> load_unpinned(const std::string& name, const std::vector<std::string>& dirs) {
  TRY_ASSIGN(const auto source, find_policy_source(name, dirs));
  return decode_source(source);
}

}  // namespace

Result<Policy> load_policy(const std::string& name, const std::vector<std::string>& dirs) {
  if (!is_pinned(name)) {
    return load_unpinned(name, dirs);
  }
  TRY_ASSIGN(const Pin pin, parse_pin(name));
  TRY_ASSIGN(Policy policy, load_unpinned(pin.target, dirs));
  if (policy.digest != to_hex(pin.digest)) {
    return fail(ErrorCode::policy, "policy set \"" + pin.target + "\": its digest is sha256:" + policy.digest +
                                       ", pinned is sha256:" + to_hex(pin.digest));
  }
  policy.pinned = true;
  return policy;
}

}  // namespace nucleus::hardening

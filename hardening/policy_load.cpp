// Finding a policy set: directories in order, then the sets compiled in.
#include <algorithm>
#include <utility>

#include "hardening/digest.hpp"
#include "hardening/json_text.hpp"
#include "hardening/policy_files.hpp"
#include "hardening/policy_set.hpp"
#include "hardening/shipped_policies.hpp"

namespace nucleus::hardening {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

Result<std::optional<Policy>> from_binary(const std::string& name) {
  PolicyBytes bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto content = shipped_file(name, kPolicyFiles[i]);
    if (!content) {
      return std::nullopt;
    }
    bytes[i] = *content;
  }
  TRY_ASSIGN(Policy policy, decode_policy(bytes, name, "built-in " + name + "/", false));
  return policy;
}

// An installed copy of a set is that set: a package puts them below /usr/share, where strict modes would take them for
// an unpinned set of somebody else's.
bool is_built_in(const PolicyBytes& bytes, std::string_view name) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (shipped_file(name, kPolicyFiles[i]) != bytes[i]) {
      return false;
    }
  }
  return true;
}

Result<std::optional<Policy>> from_directory(const std::string& path, const std::string& name) {
  TRY_ASSIGN(const auto directory, open_policy_directory(path));
  if (!directory) {
    return std::nullopt;
  }
  const std::string shown = path + (path.ends_with('/') ? "" : "/");
  PolicyBytes bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::string file(kPolicyFiles[i]);
    TRY_ASSIGN(auto content, read_policy_file(directory->get(), file, shown + file));
    if (!content) {
      return fail(ErrorCode::invalid_config,
                  shown + file + ": missing; a policy set has " + join({kPolicyFiles.begin(), kPolicyFiles.end()}));
    }
    bytes[i] = std::move(*content);
  }
  if (is_built_in(bytes, name)) {
    return from_binary(name);
  }
  TRY_ASSIGN(Policy policy, decode_policy(bytes, name, shown, true));
  return policy;
}

Result<Policy> find_policy(const std::string& name, const std::vector<std::string>& dirs) {
  for (const auto& dir : dirs) {
    std::string path = dir;
    path.append("/").append(name);
    TRY_ASSIGN(auto found, from_directory(path, name));
    if (found) {
      return std::move(*found);
    }
  }
  TRY_ASSIGN(auto shipped, from_binary(name));
  if (shipped) {
    return std::move(*shipped);
  }
  std::vector<std::string> built_in;
  for (const auto set : shipped_sets()) {
    built_in.emplace_back(set);
  }
  return fail(ErrorCode::invalid_config, "policy set \"" + name + "\" is neither in " + join(dirs, ", ") +
                                             " nor built in (" + join(built_in) + ")");
}

// The last component is the set's name.
Result<Policy> load_directory(const std::string& path) {
  const auto end = path.find_last_not_of('/');
  const auto start = path.rfind('/', end) + 1;
  const std::string name = end == std::string::npos ? "" : path.substr(start, end + 1 - start);
  if (!is_name(name)) {
    return fail(ErrorCode::invalid_config,
                "policy set directory " + json_text(path) + ": its last part must be a name");
  }
  TRY_ASSIGN(auto found, from_directory(path, name));
  if (!found) {
    return fail(ErrorCode::invalid_config, "policy set directory " + json_text(path) + " does not exist");
  }
  return std::move(*found);
}

Result<Policy> load_unpinned(const std::string& name, const std::vector<std::string>& dirs) {
  if (name.find('/') != std::string::npos) {
    return load_directory(name);
  }
  if (!is_name(name)) {
    return fail(ErrorCode::invalid_config, "policy set " + json_text(name) + ": not a name");
  }
  return find_policy(name, dirs);
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

#include "hardening/policy_source.hpp"

#include <dirent.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/policy_files.hpp"
#include "hardening/policy_lock.hpp"
#include "hardening/shipped_policies.hpp"

namespace nucleus::hardening {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

std::optional<PolicySource> from_binary(const std::string& name) {
  PolicySource source;
  source.name = name;
  source.built_in = true;
  for (std::size_t i = 0; i < kPolicyFiles.size(); ++i) {
    const auto content = shipped_file(name, kPolicyFiles[i]);
    if (!content) {
      return std::nullopt;
    }
    source.input.bytes[i] = *content;
    source.input.shown[i] = "built-in " + name + "/" + std::string(kPolicyFiles[i]);
  }
  return source;
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

Result<std::optional<PolicySource>> from_directory(const std::string& path, const std::string& name) {
  TRY_ASSIGN(const auto directory, open_policy_directory(path));
  if (!directory) {
    return std::nullopt;
  }
  PolicySource source;
  source.name = name;
  source.directory = path + (path.ends_with('/') ? "" : "/");
  for (std::size_t i = 0; i < kPolicyFiles.size(); ++i) {
    const std::string file(kPolicyFiles[i]);
    source.input.shown[i] = source.directory + file;
    TRY_ASSIGN(auto content, read_policy_file(directory->get(), file, source.input.shown[i]));
    if (!content) {
      return fail(ErrorCode::invalid_config, source.input.shown[i] + ": missing; a policy set has " +
                                                 join({kPolicyFiles.begin(), kPolicyFiles.end()}));
    }
    source.input.bytes[i] = std::move(*content);
  }
  TRY_ASSIGN(source.lock, read_policy_file(directory->get(), std::string(kLockFile), source.lock_path()));
  source.built_in = is_built_in(source.input.bytes, name);
  return source;
}

Result<PolicySource> find_by_name(const std::string& name, const std::vector<std::string>& dirs) {
  for (const auto& dir : dirs) {
    std::string path = dir;
    path.append("/").append(name);
    TRY_ASSIGN(auto found, from_directory(path, name));
    if (found) {
      return std::move(*found);
    }
  }
  if (auto shipped = from_binary(name)) {
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
Result<PolicySource> find_by_path(const std::string& path) {
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

Status add_names(const std::string& directory, std::set<std::string>& names) {
  TRY_ASSIGN(auto opened, open_policy_directory(directory));
  if (!opened) {
    return {};
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(opened->get()), ::closedir);
  if (entries == nullptr) {
    return fail_errno("read " + directory);
  }
  (void)opened->release();  // the stream owns it now
  while (const dirent* const entry = ::readdir(entries.get())) {
    const bool directory_or_link = entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;
    if (directory_or_link && is_name(entry->d_name)) {
      names.emplace(entry->d_name);
    }
  }
  return {};
}

}  // namespace

std::string PolicySource::lock_path() const { return directory + std::string(kLockFile); }

Result<PolicySource> find_policy_source(const std::string& name, const std::vector<std::string>& dirs) {
  if (name.find('/') != std::string::npos) {
    return find_by_path(name);
  }
  if (!is_name(name)) {
    return fail(ErrorCode::invalid_config, "policy set " + json_text(name) + ": not a name");
  }
  return find_by_name(name, dirs);
}

Result<Policy> decode_source(const PolicySource& source) {
  if (source.lock) {
    TRY(check_lock(source.input, *source.lock, source.lock_path()));
  }
  if (source.built_in) {  // errors and origins as if it had never been on disk
    return decode_policy(from_binary(source.name).value_or(source).input, source.name, false);
  }
  return decode_policy(source.input, source.name, true);
}

Result<std::vector<std::string>> policy_set_names(const std::vector<std::string>& dirs) {
  std::set<std::string> names;
  for (const auto& dir : dirs) {
    TRY(add_names(dir, names));
  }
  for (const auto set : shipped_sets()) {
    names.emplace(set);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace nucleus::hardening

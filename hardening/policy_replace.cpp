#include "hardening/policy_replace.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <utility>

#include "hardening/annotations.hpp"
#include "hardening/json_text.hpp"
#include "hardening/path_text.hpp"
#include "hardening/policy_files.hpp"
#include "hardening/policy_source.hpp"

namespace nucleus::hardening {
namespace {

struct Kind {
  std::string_view name;
  std::string_view annotation;
  std::string_view file;
};
constexpr std::array<Kind, 4> kKinds = {{{"caps", kCapsAnnotation, "caps.toml"},
                                         {"egress", kEgressAnnotation, "egress.toml"},
                                         {"landlock", kLandlockAnnotation, "landlock.toml"},
                                         {"seccomp", kSeccompAnnotation, "seccomp.json"}}};

tl::unexpected<Error> refuse(const std::string& origin, const std::string& why) {
  return fail(ErrorCode::policy, origin + ": " + why);
}

std::size_t index_of(std::string_view file) {
  return static_cast<std::size_t>(std::ranges::find(kPolicyFiles, file) - kPolicyFiles.begin());
}

Result<FileChoice> parse_choice(const Kind& kind, const std::string& text, const std::string& origin) {
  FileChoice choice{index_of(kind.file), text, std::nullopt, origin};
  if (is_pinned(text)) {
    TRY_ASSIGN(Pin pin, parse_pin(text).map_error([&](Error error) { return std::move(error).with(origin); }));
    choice.path = std::move(pin.target);
    choice.pin = pin.digest;
  }
  if (!choice.path.starts_with('/') || normal_path(choice.path) != choice.path) {
    return refuse(origin,
                  "expected an absolute path without \"..\", \".\" and empty parts, got " + json_text(choice.path));
  }
  return choice;
}

Result<FileChoice> from_option(const std::string& text) {
  const std::string origin = "--policy-file";
  const auto equals = std::min(text.find('='), text.size());
  const auto* const kind = std::ranges::find(kKinds, std::string_view(text).substr(0, equals), &Kind::name);
  if (kind == kKinds.end() || equals == text.size()) {
    return fail(ErrorCode::usage,
                origin + ": expected caps, egress, landlock or seccomp, '=' and a path, got " + json_text(text));
  }
  return parse_choice(*kind, text.substr(equals + 1), origin + " " + std::string(kind->name));
}

Result<FileChoice> from_annotation(const HostConfig& host, const Kind& kind, const std::string& text) {
  const std::string origin = "annotation " + std::string(kind.annotation);
  TRY_ASSIGN(FileChoice choice, parse_choice(kind, text, origin));
  if (!host.annotations_may_grant) {
    return refuse(origin, "the host's configuration does not let annotations choose (annotations_may_grant)");
  }
  if (!choice.pin) {
    return refuse(origin, "the file must be pinned: PATH@sha256:HEX");
  }
  const bool below = std::ranges::any_of(host.policy_dirs, [&](const std::string& directory) {
    const std::string tree = normal_path(directory);
    return choice.path != tree && at_or_below(choice.path, tree);
  });
  if (!below) {
    return refuse(origin, choice.path + " is not below " + join(host.policy_dirs, " or ") +
                              ", the host's policy_dirs: what lies elsewhere may be an image's");
  }
  return choice;
}

Status replace(PolicyInput& input, const FileChoice& choice) {
  TRY_ASSIGN(auto bytes, read_policy_file(AT_FDCWD, choice.path, choice.path));
  if (!bytes) {
    return refuse(choice.origin, choice.path + " does not exist");
  }
  if (choice.pin) {
    TRY(check_digest(*bytes, *choice.pin, choice.origin + ": " + choice.path));
  }
  input.bytes[choice.file] = std::move(*bytes);
  input.shown[choice.file] = choice.path;
  input.replaced[choice.file] = true;
  return {};
}

}  // namespace

Result<std::vector<FileChoice>> select_policy_files(const HostConfig& host,
                                                    const std::vector<std::string>& command_line,
                                                    const std::map<std::string, std::string>& annotations, Mode mode) {
  std::vector<FileChoice> out;
  const auto taken = [&](std::size_t file) { return std::ranges::count(out, file, &FileChoice::file) != 0; };
  for (const auto& text : command_line) {
    TRY_ASSIGN(auto choice, from_option(text));
    if (taken(choice.file)) {
      return fail(ErrorCode::usage, choice.origin + ": given twice");
    }
    if (!choice.pin && reaction(mode, Control::unpinned_policy) == Reaction::fail) {
      return refuse(choice.origin, "must be pinned (PATH@sha256:HEX) in mode " + std::string(mode_name(mode)));
    }
    out.push_back(std::move(choice));
  }
  for (const Kind& kind : kKinds) {
    const auto asked = annotations.find(std::string(kind.annotation));
    if (mode == Mode::passthrough || asked == annotations.end() || taken(index_of(kind.file))) {
      continue;
    }
    TRY_ASSIGN(auto choice, from_annotation(host, kind, asked->second));
    out.push_back(std::move(choice));
  }
  return out;
}

Result<Policy> load_policy_with(const std::string& name, const std::vector<std::string>& dirs,
                                const std::vector<FileChoice>& files, Mode mode) {
  TRY_ASSIGN(Policy set, load_policy(name, dirs));  // its pin, its lock, and that it is sound
  if (files.empty()) {
    return set;
  }
  const bool sure = !set.external || set.pinned;
  if (!sure && reaction(mode, Control::unpinned_policy) == Reaction::fail) {
    return fail(ErrorCode::policy,
                "policy set \"" + set.name + "\" is not pinned, as mode " + std::string(mode_name(mode)) +
                    " demands also where single files are: name it \"" + set.name + "@sha256:" + set.digest + "\"");
  }
  const std::string plain = is_pinned(name) ? name.substr(0, name.rfind("@sha256:")) : name;
  TRY_ASSIGN(PolicySource source, find_policy_source(plain, dirs));
  if (to_hex(sha256(lock_text(source.input.bytes))) != set.digest) {
    return fail(ErrorCode::policy, "policy set \"" + set.name + "\" changed while it was read");
  }
  for (const auto& choice : files) {
    TRY(replace(source.input, choice));
  }
  TRY_ASSIGN(Policy policy, decode_policy(source.input, source.name, true));
  policy.pinned = sure && std::ranges::all_of(files, [](const FileChoice& choice) { return choice.pin.has_value(); });
  return policy;
}

std::string describe(const std::vector<FileChoice>& files) {
  std::string out;
  for (const auto& choice : files) {
    out += ", " + std::string(kPolicyFiles[choice.file]) + " by " + choice.origin + " (" + choice.path + ")";
  }
  return out;
}

}  // namespace nucleus::hardening

// Who decides about mode, policy set and grants: command line, then annotations, then host configuration, there a profile
// before the rest; annotations come from whoever may start a container, so they only tighten unless the host says otherwise.
#include <algorithm>
#include <utility>

#include "hardening/annotations.hpp"
#include "hardening/digest.hpp"
#include "hardening/harden.hpp"
#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

using Annotations = std::map<std::string, std::string>;

std::string annotation(const Annotations& annotations, std::string_view name) {
  const auto hit = annotations.find(std::string(name));
  return hit == annotations.end() ? "" : hit->second;
}

std::string annotation_origin(std::string_view name) { return "annotation " + std::string(name); }

tl::unexpected<Error> bad_annotation(std::string_view name, const std::string& why) {
  return fail(ErrorCode::policy, annotation_origin(name) + ": " + why);
}

template <typename T>
struct Choice {
  T value;
  std::string origin;
};
constexpr std::string_view kCommandLine = "command line";
constexpr std::string_view kHost = "host configuration";

// A misspelt annotation would silently not apply.
Status check_names(const Annotations& annotations) {
  for (const auto& [name, value] : annotations) {
    if (name.starts_with(kAnnotationPrefix) && std::ranges::count(kKnownAnnotations, name) == 0) {
      return bad_annotation(name, "not known to this version");
    }
  }
  return {};
}

Result<Mode> named_mode(std::string_view origin, const std::string& name) {
  const auto mode = parse_mode(name);
  if (!mode) {
    return fail(ErrorCode::usage, std::string(origin) + ": unknown mode " + json_text(name) +
                                      ", expected agent, strict-agent, production or (not in annotations) passthrough");
  }
  return *mode;
}

tl::unexpected<Error> below_floor(std::string_view origin, Mode mode, Mode floor) {
  return fail(ErrorCode::policy, std::string(origin) + ": mode " + std::string(mode_name(mode)) +
                                     " is below the host's mode or mode_floor " + std::string(mode_name(floor)));
}

// A floor of `agent` is the default and no statement about passthrough; a higher one binds everybody.
Result<Mode> mode_from_command_line(const HostConfig& host, const std::string& name) {
  TRY_ASSIGN(const Mode mode, named_mode("--mode", name));
  if (mode < host.mode_floor && !(mode == Mode::passthrough && host.mode_floor == Mode::agent)) {
    return below_floor("--mode", mode, host.mode_floor);
  }
  return mode;
}

Result<Mode> mode_from_annotation(const HostConfig& host, const std::string& name) {
  TRY_ASSIGN(const Mode mode, named_mode(annotation_origin(kModeAnnotation), name));
  if (mode == Mode::passthrough) {
    return bad_annotation(kModeAnnotation, "passthrough can be chosen only by host configuration or --mode");
  }
  // Whoever writes annotations, the image's author among them, may only raise what the host chose.
  const Mode least = std::max(host.mode, host.mode_floor);
  if (mode < least) {
    return below_floor(annotation_origin(kModeAnnotation), mode, least);
  }
  return mode;
}

Result<Choice<Mode>> select_mode(const HostConfig& host, const CommandLineChoice& choice,
                                 const Annotations& annotations, const Profile* profile) {
  if (!choice.mode.empty()) {
    TRY_ASSIGN(const Mode mode, mode_from_command_line(host, choice.mode));
    return Choice<Mode>{mode, std::string(kCommandLine)};
  }
  if (const std::string asked = annotation(annotations, kModeAnnotation); !asked.empty()) {
    TRY_ASSIGN(const Mode mode, mode_from_annotation(host, asked));
    return Choice<Mode>{mode, annotation_origin(kModeAnnotation)};
  }
  if (profile != nullptr && profile->mode) {  // not below the floor: checked when it was read
    return Choice<Mode>{*profile->mode, describe(*profile)};
  }
  return Choice<Mode>{std::max(host.mode, host.mode_floor), std::string(kHost)};
}

bool annotations_may_grant(const HostConfig& host, Mode mode) {
  return reaction(mode, Control::annotation_grant) == Reaction::off && host.annotations_may_grant;
}

Result<std::string> policy_from_annotation(const HostConfig& host, const std::string& asked, Mode mode) {
  if (asked == host.policy) {
    return asked;
  }
  if (asked.find('/') != std::string::npos) {
    return bad_annotation(kPolicyAnnotation, "takes the name of a set, not a directory");
  }
  // A pin proves which set it is, not that the author of the annotation, perhaps the image's, may have it.
  if (!host.annotations_may_grant) {
    return bad_annotation(kPolicyAnnotation, "policy set \"" + asked +
                                                 "\" is not the host's, and the host's configuration does not let "
                                                 "annotations choose (annotations_may_grant)");
  }
  if (!is_pinned(asked) && !annotations_may_grant(host, mode)) {
    return bad_annotation(kPolicyAnnotation, "policy set \"" + asked + "\" must be pinned (NAME@sha256:HEX) in mode " +
                                                 std::string(mode_name(mode)));
  }
  return asked;
}

Result<Choice<std::string>> select_policy(const HostConfig& host, const CommandLineChoice& choice,
                                          const Annotations& annotations, const Profile* profile, Mode mode) {
  if (!choice.policy.empty()) {
    return Choice<std::string>{choice.policy, std::string(kCommandLine)};
  }
  if (const std::string asked = annotation(annotations, kPolicyAnnotation); !asked.empty()) {
    TRY_ASSIGN(auto policy, policy_from_annotation(host, asked, mode));
    return Choice<std::string>{std::move(policy), annotation_origin(kPolicyAnnotation)};
  }
  return profile != nullptr ? Choice<std::string>{profile->policy, describe(*profile)}
                            : Choice<std::string>{host.policy, std::string(kHost)};
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (from <= list.size()) {
    const auto comma = std::min(list.find(',', from), list.size());
    const auto first = list.find_first_not_of(' ', from);
    if (first < comma) {
      parts.push_back(list.substr(first, list.find_last_not_of(' ', comma - 1) + 1 - first));
    }
    from = comma + 1;
  }
  return parts;
}

Status add_grants(Selection& selection, const std::vector<std::string>& texts, const std::string& origin) {
  for (const auto& text : texts) {
    auto grant = parse_grant(text, origin);
    if (!grant) {
      return tl::unexpected<Error>(std::move(grant).error().with(origin));
    }
    selection.grants.push_back(std::move(*grant));
  }
  return {};
}

// Law 1: what may not be granted is refused, or left out with a warning where the mode only warns.
Status add_annotation_grants(Selection& selection, const HostConfig& host, const Annotations& annotations) {
  const auto asked = split(annotation(annotations, kGrantAnnotation));
  if (asked.empty() || selection.mode == Mode::passthrough || annotations_may_grant(host, selection.mode)) {
    return add_grants(selection, asked, annotation_origin(kGrantAnnotation));
  }
  const std::string why = host.annotations_may_grant
                              ? "mode " + std::string(mode_name(selection.mode))
                              : "the host's configuration has no annotations_may_grant = true, which";
  const std::string text =
      "grants " + join(asked) + " do not count: " + why +
      (host.annotations_may_grant ? " lets annotations only tighten" : " would let annotations do more than tighten");
  if (reaction(selection.mode, Control::annotation_grant) == Reaction::fail) {
    return bad_annotation(kGrantAnnotation, text);
  }
  selection.warnings.push_back(annotation_origin(kGrantAnnotation) + ": " + text);
  return {};
}

}  // namespace

Result<Selection> select(const HostConfig& host, const CommandLineChoice& choice, const Annotations& annotations,
                         const ContainerIdentity& container) {
  const Profile* const profile = find_profile(host.profiles, container, annotations);
  Selection selection;
  TRY_ASSIGN(auto mode, select_mode(host, choice, annotations, profile));
  selection.mode = mode.value;
  selection.mode_origin = std::move(mode.origin);
  if (selection.mode != Mode::passthrough) {
    TRY(check_names(annotations));
  }
  TRY_ASSIGN(auto policy, select_policy(host, choice, annotations, profile, selection.mode));
  selection.policy = std::move(policy.value);
  selection.policy_origin = std::move(policy.origin);
  TRY(add_grants(selection, choice.grants, std::string(kCommandLine)));
  TRY(add_annotation_grants(selection, host, annotations));
  return selection;
}

}  // namespace nucleus::hardening

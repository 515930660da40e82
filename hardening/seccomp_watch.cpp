#include "hardening/seccomp_watch.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "hardening/annotations.hpp"
#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

using nlohmann::json;
using Annotations = std::map<std::string, std::string>;

constexpr std::uint32_t kLongestLearning = 24 * 60 * 60;

std::string annotation(const Annotations& annotations, std::string_view name) {
  const auto hit = annotations.find(std::string(name));
  return hit == annotations.end() ? "" : hit->second;
}

tl::unexpected<Error> bad(std::string_view name, const std::string& why) {
  return fail(ErrorCode::policy, "annotation " + std::string(name) + ": " + why);
}

bool is_file_name(std::string_view name) {
  constexpr std::size_t kLongest = 128;
  return !name.empty() && name.size() <= kLongest && name.front() != '.' && name.front() != '-' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                  c == '_';
         });
}

class Selector {
 public:
  Selector(const HostConfig& host, const WatchChoice& choice, const Annotations& annotations, Mode mode)
      : host_(host), choice_(choice), annotations_(annotations), mode_(mode) {}

  Result<WatchSelection> run() {
    if (mode_ == Mode::passthrough) {
      return from_command_line();
    }
    TRY(trace());
    TRY(learn());
    TRY(denials());
    if (watch_.trace || watch_.soft()) {
      out_.watch = watch_;
    }
    return out_;
  }

 private:
  Result<WatchSelection> from_command_line() const {
    const bool asked = !choice_.trace.empty() || !choice_.learn.empty() || choice_.denials;
    return asked ? Result<WatchSelection>(fail(ErrorCode::usage, "seccomp: passthrough has no policy to watch"))
                 : WatchSelection{};
  }

  Status agent_only(std::string_view what) const {
    return mode_ == Mode::agent ? Status{}
                                : fail(ErrorCode::policy, std::string(what) + ": only for mode agent, not for " +
                                                              std::string(mode_name(mode_)));
  }

  Status trace() {
    if (!choice_.trace.empty()) {
      TRY(agent_only("tracing system calls"));
      watch_.trace = true;
      watch_.file = choice_.trace;
      return {};
    }
    const std::string asked = annotation(annotations_, kTraceAnnotation);
    if (asked.empty()) {
      return {};
    }
    TRY(agent_only("annotation " + std::string(kTraceAnnotation)));
    if (!is_file_name(asked)) {
      return bad(kTraceAnnotation,
                 "expected a file's name of letters, digits, '.', '-' and '_', got " + json_text(asked));
    }
    if (host_.trace_dir.empty()) {
      warn(kTraceAnnotation, "the host's configuration has no trace_dir");
      return {};
    }
    watch_.trace = true;
    watch_.file = host_.trace_dir + "/" + asked;
    watch_.must_be_new = true;
    return {};
  }

  Status learn() {
    if (!choice_.learn.empty()) {
      TRY(agent_only("--seccomp-learn"));
      TRY_ASSIGN(watch_.learn, parse_learn_time(choice_.learn));
      return {};
    }
    const std::string asked = annotation(annotations_, kLearnAnnotation);
    if (asked.empty()) {
      return {};
    }
    TRY(agent_only("annotation " + std::string(kLearnAnnotation)));
    const auto time = parse_learn_time(asked);
    if (!time) {
      return bad(kLearnAnnotation, time.error().text);
    }
    if (!host_.annotations_may_learn) {
      warn(kLearnAnnotation, "the host's configuration has no annotations_may_learn = true");
      return {};
    }
    watch_.learn = *time;
    return {};
  }

  Status denials() {
    const std::string asked = annotation(annotations_, kDenialsAnnotation);
    if (!asked.empty() && asked != "true" && asked != "false") {
      return bad(kDenialsAnnotation, "expected true or false, got " + json_text(asked));
    }
    if (asked == "false" && host_.seccomp_denials) {
      warn(kDenialsAnnotation, "the host's configuration has seccomp_denials = true");
    }
    watch_.denials = choice_.denials || asked == "true" || host_.seccomp_denials;
    return {};
  }

  void warn(std::string_view name, const std::string& why) {
    out_.warnings.push_back("annotation " + std::string(name) + ": does not count: " + why);
  }

  const HostConfig& host_;
  const WatchChoice& choice_;
  const Annotations& annotations_;
  Mode mode_;
  SeccompWatch watch_;
  WatchSelection out_;
};

SeccompWatch from_json(const json& doc) {
  SeccompWatch out;
  out.trace = doc.at("trace").get<bool>();
  out.denials = doc.at("denials").get<bool>();
  out.learn = doc.at("learn").get<std::uint32_t>();
  out.file = doc.at("file").get<std::string>();
  out.must_be_new = doc.at("mustBeNew").get<bool>();
  out.device = doc.at("device").get<std::uint64_t>();
  out.inode = doc.at("inode").get<std::uint64_t>();
  out.watcher = doc.at("watcher").get<int>();
  out.watcher_start_time = doc.at("watcherStartTime").get<std::uint64_t>();
  return out;
}

}  // namespace

std::string describe(const SeccompWatch& watch) {
  std::vector<std::string> parts;
  if (watch.trace) {
    parts.emplace_back("every system call is traced");
  }
  if (watch.learn > 0) {
    parts.push_back("what the policy denies is let through for " + std::to_string(watch.learn) +
                    " s, but for the floor");
  }
  if (watch.denials) {
    parts.emplace_back("denied system calls are recorded");
  }
  return join(parts, "; ");
}

Result<WatchSelection> select_watch(const HostConfig& host, const WatchChoice& choice, const Annotations& annotations,
                                    Mode mode) {
  return Selector(host, choice, annotations, mode).run();
}

Result<std::uint32_t> parse_learn_time(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::uint64_t scale = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  const std::uint64_t seconds = number * scale;
  if (error != std::errc{} || seconds == 0 || seconds > kLongestLearning) {
    return fail(ErrorCode::usage, "expected a time as 90s, 10m or 1h, at most 24h, got " + json_text(text));
  }
  return static_cast<std::uint32_t>(seconds);
}

std::string to_json(const SeccompWatch& watch) {
  const json doc = {
      {"trace", watch.trace}, {"denials", watch.denials},       {"learn", watch.learn},
      {"file", watch.file},   {"mustBeNew", watch.must_be_new}, {"device", watch.device},
      {"inode", watch.inode}, {"watcher", watch.watcher},       {"watcherStartTime", watch.watcher_start_time}};
  return doc.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<SeccompWatch> parse_seccomp_watch(std::string_view text, std::string_view file) {
  try {
    return from_json(json::parse(text));
  } catch (const json::exception& error) {
    return fail(ErrorCode::state, std::string(file) + ": damaged: " + error.what());
  }
}

}  // namespace nucleus::hardening

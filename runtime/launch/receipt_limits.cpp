#include "runtime/launch/receipt_limits.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

namespace nucleus::launch {
namespace {

using state::ReceiptItem;

constexpr const char* kUnreported = "(not reported)";

struct LimitName {
  std::string_view type;    // of the config
  std::string_view kernel;  // of /proc/PID/limits: fs/proc/base.c, lnames
};
constexpr LimitName kLimitNames[] = {{"RLIMIT_CPU", "Max cpu time"},
                                     {"RLIMIT_FSIZE", "Max file size"},
                                     {"RLIMIT_DATA", "Max data size"},
                                     {"RLIMIT_STACK", "Max stack size"},
                                     {"RLIMIT_CORE", "Max core file size"},
                                     {"RLIMIT_RSS", "Max resident set"},
                                     {"RLIMIT_NPROC", "Max processes"},
                                     {"RLIMIT_NOFILE", "Max open files"},
                                     {"RLIMIT_MEMLOCK", "Max locked memory"},
                                     {"RLIMIT_AS", "Max address space"},
                                     {"RLIMIT_LOCKS", "Max file locks"},
                                     {"RLIMIT_SIGPENDING", "Max pending signals"},
                                     {"RLIMIT_MSGQUEUE", "Max msgqueue size"},
                                     {"RLIMIT_NICE", "Max nice priority"},
                                     {"RLIMIT_RTPRIO", "Max realtime priority"},
                                     {"RLIMIT_RTTIME", "Max realtime timeout"}};

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> limit_value(std::string_view text) {
  if (text == "unlimited" || text == "max") {
    return kUnlimited;
  }
  std::uint64_t value = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  return bad == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string limit_text(std::uint64_t value) { return value == kUnlimited ? "unlimited" : std::to_string(value); }

// "SOFT HARD"
bool within(const std::string& observed, const oci::Rlimit& planned) {
  const std::size_t blank = observed.find(' ');
  if (blank == std::string::npos) {
    return false;
  }
  const auto soft = limit_value(std::string_view(observed).substr(0, blank));
  const auto hard = limit_value(std::string_view(observed).substr(blank + 1));
  return soft && hard && *soft <= planned.soft && *hard <= planned.hard;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

void rlimit_item(const oci::Rlimit& limit, const KernelTruth& truth, std::vector<ReceiptItem>& out) {
  const auto name = std::ranges::find(kLimitNames, limit.type, &LimitName::type);
  const auto seen = name == std::end(kLimitNames) ? truth.limits.end() : truth.limits.find(std::string(name->kernel));
  const std::string observed = seen == truth.limits.end() ? kUnreported : seen->second;
  const std::string_view type(limit.type);
  out.push_back({"rlimit." + lower(type.substr(type.find('_') + 1)),
                 limit_text(limit.soft) + " " + limit_text(limit.hard), observed, within(observed, limit)});
}

// ---- cgroup ---------------------------------------------------------------------------------------------------------

constexpr std::string_view kPageRounded[] = {"memory.limit_in_bytes",
                                             "memory.memsw.limit_in_bytes",
                                             "memory.soft_limit_in_bytes",
                                             "memory.kmem.tcp.limit_in_bytes",
                                             "memory.max",
                                             "memory.swap.max",
                                             "memory.low"};
constexpr std::string_view kPlain[] = {"memory.swappiness", "cpu.shares",    "cpu.cfs_period_us", "cpu.cfs_quota_us",
                                       "cpu.cfs_burst_us",  "cpu.max.burst", "cpu.weight",        "cpu.idle",
                                       "pids.max",          "cpu.max"};

template <std::size_t N>
bool is_one_of(const std::string& file, const std::string_view (&names)[N]) {
  return std::ranges::find(names, std::string_view(file)) != std::end(names);
}

std::string number(std::uint64_t value) { return std::to_string(value); }

// v1 says "no limit" with the largest number of pages.
std::string in_pages(const std::string& value) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto bytes = limit_value(value);
  if (value == "-1" || value == "max" || !bytes) {
    return value;
  }
  const std::uint64_t most = std::numeric_limits<std::int64_t>::max() / page * page;
  return *bytes >= most ? "-1" : number(*bytes / page * page);
}

// What the kernel makes of a value that is written to `file`, and of what it reads.
std::string settled(const std::string& file, const std::string& value) {
  if (is_one_of(file, kPageRounded)) {
    return in_pages(value);
  }
  if (file == "cpu.shares") {
    const auto shares = limit_value(value);
    return shares ? number(std::clamp<std::uint64_t>(*shares, 2, 262144)) : value;
  }
  return value;
}

// "QUOTA" leaves the period as it is.
bool same(const std::string& file, const std::string& planned, const std::string& observed) {
  return planned == observed || (file == "cpu.max" && planned.find(' ') == std::string::npos &&
                                 observed.substr(0, observed.find(' ')) == planned);
}

std::string trimmed(std::string text) {
  while (text.ends_with('\n') || text.ends_with(' ')) {
    text.pop_back();
  }
  return text;
}

}  // namespace

std::vector<ReceiptItem> process_limit_items(const oci::Process& process, const KernelTruth& truth) {
  std::vector<ReceiptItem> out;
  for (const auto& limit : process.rlimits) {
    rlimit_item(limit, truth, out);
  }
  if (process.oom_score_adj) {
    int seen = 0;
    const std::string& text = truth.oom_score;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), seen);
    const bool held = bad == std::errc() && end != text.data() && seen >= *process.oom_score_adj;
    out.push_back({"oom_score_adj", std::to_string(*process.oom_score_adj), text.empty() ? kUnreported : text, held});
  }
  return out;
}

std::vector<ReceiptItem> cgroup_items(const std::vector<CgroupFile>& files) {
  std::vector<ReceiptItem> out;
  for (const auto& [setting, content] : files) {
    if (!content) {
      if (!setting.optional) {
        out.push_back({"cgroup " + setting.file, setting.value, "(no such file)", false});
      }
      continue;
    }
    const bool compared = is_one_of(setting.file, kPageRounded) || is_one_of(setting.file, kPlain);
    const std::string planned = settled(setting.file, setting.value);
    const std::string observed = settled(setting.file, trimmed(*content));
    out.push_back({"cgroup " + setting.file, compared ? planned : "", observed,
                   !compared || same(setting.file, planned, observed)});
  }
  return out;
}

}  // namespace nucleus::launch

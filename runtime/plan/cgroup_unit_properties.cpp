// Files and device rules -> unit properties (systemd.resource-control(5), org.freedesktop.systemd1(5)).
#include <algorithm>
#include <charconv>

#include "runtime/plan/cgroup_systemd.hpp"

namespace nucleus::plan {
namespace {

using Properties = std::vector<UnitProperty>;

constexpr std::uint64_t kDefaultPeriodUs = 100'000;
constexpr std::uint64_t kSecondUs = 1'000'000;

// "max", "-1" and everything that is no number: no limit.
std::uint64_t number_or_unlimited(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : kUnitUnlimited;
}

struct NumberFile {
  std::string_view file;
  const char* property;
};

constexpr NumberFile kNumberFilesV2[] = {
    {"memory.max", "MemoryMax"}, {"memory.high", "MemoryHigh"},        {"memory.min", "MemoryMin"},
    {"memory.low", "MemoryLow"}, {"memory.swap.max", "MemorySwapMax"}, {"memory.zswap.max", "MemoryZSwapMax"},
    {"pids.max", "TasksMax"},    {"cpu.weight", "CPUWeight"},
};
constexpr NumberFile kNumberFilesV1[] = {
    {"memory.limit_in_bytes", "MemoryLimit"},
    {"pids.max", "TasksMax"},
    {"cpu.shares", "CPUShares"},
    {"blkio.weight", "BlockIOWeight"},
};

// "0-2,5" as a bit mask, lowest byte first (AllowedCPUs). Empty for what is no such list.
std::vector<std::uint8_t> bit_mask(std::string_view list) {
  constexpr unsigned kMaxBit = 8192;  // CONFIG_NR_CPUS at its largest
  std::vector<std::uint8_t> mask;
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at < end) {
    unsigned low = 0;
    auto parsed = std::from_chars(at, end, low);
    unsigned high = low;
    if (parsed.ec == std::errc{} && parsed.ptr < end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, high);
    }
    if (parsed.ec != std::errc{} || high < low || high >= kMaxBit || (parsed.ptr < end && *parsed.ptr != ',')) {
      return {};
    }
    mask.resize(std::max<std::size_t>(mask.size(), high / 8 + 1));
    for (unsigned bit = low; bit <= high; ++bit) {
      mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | 1U << bit % 8);
    }
    at = parsed.ptr + 1;
  }
  return mask;
}

// systemd counts in whole percent of a processor: rounded up, so that the file, written after it, can hold the exact value.
void add_quota(Properties& out, std::uint64_t quota, std::uint64_t period) {
  constexpr std::uint64_t kPercent = kSecondUs / 100;
  if (quota == kUnitUnlimited || period == 0 || quota > kUnitUnlimited / kSecondUs) {
    out.push_back({"CPUQuotaPerSecUSec", kUnitUnlimited});
    return;
  }
  const std::uint64_t share = quota * kSecondUs / period;
  out.push_back({"CPUQuotaPerSecUSec", (share + kPercent - 1) / kPercent * kPercent});
}

// v2: "max 100000", "50000".
void add_cpu_max(Properties& out, std::string_view value) {
  const auto blank = value.find(' ');
  const bool has_period = blank != std::string_view::npos;
  const std::uint64_t period = has_period ? number_or_unlimited(value.substr(blank + 1)) : kDefaultPeriodUs;
  add_quota(out, number_or_unlimited(value.substr(0, blank)), period);
  if (has_period && period != kUnitUnlimited) {
    out.push_back({"CPUQuotaPeriodUSec", period});
  }
}

const CgroupSetting* find(std::span<const CgroupSetting> settings, std::string_view file) {
  const auto hit = std::ranges::find(settings, file, &CgroupSetting::file);
  return hit == settings.end() ? nullptr : &*hit;
}

void add_cpu_v1(Properties& out, std::span<const CgroupSetting> settings) {
  const CgroupSetting* quota = find(settings, "cpu.cfs_quota_us");
  const CgroupSetting* period = find(settings, "cpu.cfs_period_us");
  if (quota != nullptr) {
    add_quota(out, number_or_unlimited(quota->value),
              period != nullptr ? number_or_unlimited(period->value) : kDefaultPeriodUs);
  }
  if (period != nullptr) {
    out.push_back({"CPUQuotaPeriodUSec", number_or_unlimited(period->value)});
  }
}

void add_v2(Properties& out, const CgroupSetting& setting) {
  constexpr std::string_view kDefault = "default ";
  if (setting.file == "cpu.max") {
    add_cpu_max(out, setting.value);
  } else if (setting.file == "io.weight" && setting.value.starts_with(kDefault)) {
    out.push_back({"IOWeight", number_or_unlimited(std::string_view(setting.value).substr(kDefault.size()))});
  } else if (setting.file == "cpuset.cpus" || setting.file == "cpuset.mems") {
    auto mask = bit_mask(setting.value);
    if (!mask.empty()) {
      out.push_back({setting.file == "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes", std::move(mask)});
    }
  }
}

char device_type(const oci::DeviceRule& rule) { return rule.type.empty() ? 'a' : rule.type.front(); }

// The names that systemd resolves without looking at /dev (since 240), or none for what it cannot name.
std::string device_name(char type, const oci::DeviceRule& rule) {
  const std::string kind = type == 'b' ? "block" : "char";
  if (!rule.major) {
    return rule.minor ? "" : kind + "-*";
  }
  if (!rule.minor) {
    return type == 'c' && *rule.major == 136 ? "char-pts"
                                             : "";  // others by a name of /proc/devices, which may not exist
  }
  return "/dev/" + kind + "/" + std::to_string(*rule.major) + ":" + std::to_string(*rule.minor);
}

using Allowed = std::vector<std::pair<std::string, std::string>>;

void add_names(Allowed& out, const oci::DeviceRule& rule, bool& unnamed) {
  const char type = device_type(rule);
  for (const char kind : type == 'a' ? std::string_view("bc") : std::string_view(&type, 1)) {
    const std::string name = device_name(kind, rule);
    if (name.empty()) {
      unnamed = true;
    } else {
      out.emplace_back(name, rule.access.empty() ? "rwm" : rule.access);
    }
  }
}

bool is_for_all(const oci::DeviceRule& rule) { return device_type(rule) == 'a' && !rule.major && !rule.minor; }

// Some device and some access that both speak of.
bool overlap(const oci::DeviceRule& one, const oci::DeviceRule& other) {
  const auto meet = [](const auto& a, const auto& b) { return !a || !b || *a == *b; };
  const char type = device_type(one);
  const bool types = type == 'a' || device_type(other) == 'a' || type == device_type(other);
  return types && meet(one.major, other.major) && meet(one.minor, other.minor) &&
         (one.access.empty() || other.access.empty() || one.access.find_first_of(other.access) != std::string::npos);
}

// The allowing rules of which no later one takes back a part: systemd's list knows no exceptions.
std::vector<oci::DeviceRule> never_denied(std::span<const oci::DeviceRule> rules) {
  std::vector<oci::DeviceRule> out;
  for (const auto& rule : rules) {
    if (rule.allow) {
      out.push_back(rule);
    } else {
      std::erase_if(out, [&](const oci::DeviceRule& allowed) { return overlap(allowed, rule); });
    }
  }
  return out;
}

// Those since the last rule for all devices.
std::vector<oci::DeviceRule> ever_allowed(std::span<const oci::DeviceRule> rules) {
  std::vector<oci::DeviceRule> out;
  for (const auto& rule : rules) {
    if (is_for_all(rule)) {
      out.clear();
    }
    if (rule.allow) {
      out.push_back(rule);
    }
  }
  return out;
}

}  // namespace

std::vector<UnitProperty> common_properties(const UnitPlan& unit, CgroupLayout layout) {
  return {{"Slice", unit.slice},          {"Delegate", true},
          {"DefaultDependencies", false}, {"CollectMode", std::string("inactive-or-failed")},
          {"CPUAccounting", true},        {"MemoryAccounting", true},
          {"TasksAccounting", true},      {layout == CgroupLayout::v2 ? "IOAccounting" : "BlockIOAccounting", true}};
}

std::vector<UnitProperty> limit_properties(std::span<const CgroupSetting> settings, CgroupLayout layout) {
  Properties out;
  const bool v2 = layout == CgroupLayout::v2;
  const std::span<const NumberFile> numbers = v2 ? std::span<const NumberFile>(kNumberFilesV2) : kNumberFilesV1;
  for (const auto& setting : settings) {
    const auto known = std::ranges::find(numbers, setting.file, &NumberFile::file);
    if (known != numbers.end()) {
      out.push_back({known->property, number_or_unlimited(setting.value)});
    } else if (v2) {
      add_v2(out, setting);
    }
  }
  if (!v2) {
    add_cpu_v1(out, settings);
  }
  return out;
}

std::vector<UnitProperty> device_properties(std::span<const oci::DeviceRule> rules, CgroupLayout layout) {
  const bool v2 = layout == CgroupLayout::v2;
  const auto allowing = v2 ? ever_allowed(rules) : never_denied(rules);
  Allowed names;
  bool unnamed = false;
  for (const auto& rule : allowing) {
    add_names(names, rule, unnamed);
  }
  if (std::ranges::any_of(allowing, is_for_all) || (v2 && unnamed)) {
    return {{"DevicePolicy", std::string("auto")}};
  }
  return {{"DevicePolicy", std::string("strict")}, {"DeviceAllow", std::move(names)}};
}

}  // namespace nucleus::plan

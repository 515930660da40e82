#include "runtime/plan/cgroup_update.hpp"

#include <algorithm>
#include <set>

#include "runtime/plan/cgroup_settings.hpp"

namespace nucleus::plan {
namespace {

std::vector<CgroupSetting> settings_of(oci::Resources resources, CgroupLayout layout) {
  resources.network.reset();
  resources.rdma.clear();
  return layout == CgroupLayout::v2 ? v2_settings(resources) : v1_settings(resources);
}

bool has_line_per_device(const std::string& file) {
  return file == "io.max" || file == "io.weight" || file.find("_device") != std::string::npos;
}

// "8:0 rbps=5" -> "8:0 rbps=max"; "8:0 5" -> "8:0 0"; "default 100" -> itself.
std::string without_limit(const std::string& value) {
  const std::size_t blank = value.find(' ');
  const std::size_t equals = value.find('=');
  if (equals != std::string::npos) {
    return value.substr(0, equals + 1) + "max";
  }
  return value.substr(0, blank) + " 0";
}

// The line of `content` that speaks of the same device (or of "default").
std::string line_for(std::string_view content, std::string_view key) {
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    const std::string_view line = content.substr(0, end);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ') {
      return std::string(line);
    }
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return "";
}

}  // namespace

std::vector<CgroupSetting> update_settings(const ResourceChange& change, CgroupLayout layout) {
  const auto before = settings_of(change.before, layout);
  std::set<std::string> named;
  for (const auto& setting : settings_of(change.change, layout)) {
    named.insert(setting.file);
  }
  auto out = settings_of(change.after, layout);
  std::erase_if(out, [&](const CgroupSetting& setting) {
    return !named.contains(setting.file) && std::ranges::find(before, setting) != before.end();
  });
  return out;
}

CgroupSetting undo_setting(const CgroupSetting& setting, std::string_view content) {
  if (has_line_per_device(setting.file)) {
    const std::string line = line_for(content, setting.value.substr(0, setting.value.find(' ')));
    return {setting.controller, setting.file, line.empty() ? without_limit(setting.value) : line};
  }
  // An empty list of processors or nodes is written as an empty line.
  const std::string_view line = content.substr(0, content.find('\n'));
  return {setting.controller, setting.file, line.empty() ? "\n" : std::string(line)};
}

}  // namespace nucleus::plan

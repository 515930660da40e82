#include "runtime/launch/stats.hpp"

#include <dirent.h>

#include <memory>

#include "runtime/launch/cgroup_text.hpp"

namespace nucleus::launch {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::vector<std::string> huge_pages_of_host() {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, CloseDir> directory(::opendir("/sys/kernel/mm/hugepages"));
  while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
    if (auto size = huge_page_size(entry->d_name); !size.empty()) {
      out.push_back(std::move(size));
    }
  }
  return out;
}

}  // namespace

std::string huge_page_size(std::string_view directory) {
  constexpr std::string_view kPrefix = "hugepages-";
  constexpr std::string_view kUnit = "kB";
  if (!directory.starts_with(kPrefix) || !directory.ends_with(kUnit)) {
    return {};
  }
  std::uint64_t size = to_number(directory.substr(kPrefix.size()));
  const char* unit = "KB";
  for (const char* larger : {"MB", "GB"}) {
    if (size >= 1024) {
      size /= 1024;
      unit = larger;
    }
  }
  return size == 0 ? std::string() : std::to_string(size) + unit;
}

oci::Stats collect_stats(const sys::CgroupHandle& cgroup) {
  const CgroupReader read = [&](const std::string& controller, const std::string& file) {
    auto text = cgroup.read(controller, file);
    return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
  };
  const auto huge_pages = huge_pages_of_host();
  return cgroup.is_v2() ? stats_v2(read, huge_pages) : stats_v1(read, huge_pages);
}

}  // namespace nucleus::launch

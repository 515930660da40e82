#include "runtime/launch/readback.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#include <cerrno>
#include <sstream>

#include "runtime/base/io.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::launch {
namespace {

// PTRACE_SECCOMP_GET_FILTER (Linux 4.4, CONFIG_CHECKPOINT_RESTORE): linux/ptrace.h and sys/ptrace.h exclude each other.
constexpr auto kGetFilter = static_cast<__ptrace_request>(0x420c);
constexpr std::size_t kLargestMountinfo = 8 * 1024 * 1024;

// \040 and friends, as mountinfo escapes blanks and backslashes.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

template <class Function>
void each_line(std::string_view text, Function function) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    function(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  const std::size_t last = text.find_last_not_of(" \t");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, last - first + 1);
}

// The newest one, which is ours: number 0 is the oldest, for instance of a service manager that filters the engine.
std::string dump_filter(int pid) {
  constexpr long kMost = 64;
  long newest = -1;
  long count = 0;
  while (newest + 1 < kMost) {
    const long size = ::ptrace(kGetFilter, pid, newest + 1, nullptr);
    if (size <= 0) {
      break;
    }
    count = size;
    ++newest;
  }
  if (newest < 0) {
    return {};
  }
  std::string bytes(static_cast<std::size_t>(count) * sizeof(sock_filter), '\0');
  const long got = ::ptrace(kGetFilter, pid, newest, bytes.data());
  return got == count ? bytes : std::string();
}

// "" for a file that is not there or cannot be read.
std::string one_line(const sys::ProcHandle& proc, const std::string& path) {
  std::string text = proc.read(path).value_or(std::string());
  while (text.ends_with('\n') || text.ends_with('\0')) {
    text.pop_back();
  }
  return text;
}

Status read_namespaces(const sys::ProcHandle& proc, int pid, KernelTruth& out) {
  for (const auto& kind : sys::namespace_kinds()) {
    const auto fd = sys::open_namespace_of(proc, pid, kind);
    if (!fd && fd.error().sys_errno == ENOENT) {
      continue;  // a kernel without this kind
    }
    if (!fd) {
      return tl::unexpected<Error>(fd.error());
    }
    TRY_ASSIGN(const auto id, sys::namespace_id(fd->get()));
    out.namespaces[std::string(kind.spec_name)] = std::to_string(id.device) + ":[" + std::to_string(id.inode) + "]";
  }
  return {};
}

}  // namespace

std::map<std::string, std::string> parse_status(std::string_view text) {
  std::map<std::string, std::string> out;
  each_line(text, [&](std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      out[std::string(line.substr(0, colon))] = std::string(trim(line.substr(colon + 1)));
    }
  });
  return out;
}

// proc(5): ID PARENT MAJOR:MINOR ROOT TARGET OPTIONS [FIELDS...] - TYPE SOURCE SUPEROPTIONS
std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> out;
  each_line(text, [&](std::string_view line) {
    std::istringstream words{std::string(line)};
    std::uint64_t id = 0;
    std::string parent, device, root, target, options, word;
    words >> id >> parent >> device >> root >> target >> options;
    while (words >> word && word != "-") {
    }
    std::string type;
    if (words >> type) {
      out.push_back({unescape(target), type, options, id});
    }
  });
  return out;
}

std::map<std::string, std::string> parse_limits(std::string_view text) {
  constexpr std::size_t kNameWidth = 26;  // the kernel prints fixed columns
  std::map<std::string, std::string> out;
  each_line(text, [&](std::string_view line) {
    if (line.size() <= kNameWidth || line.substr(0, 4) != "Max ") {
      return;
    }
    std::istringstream words{std::string(line.substr(kNameWidth))};
    std::string soft, hard;
    words >> soft >> hard;
    out[std::string(trim(line.substr(0, kNameWidth)))] = soft + " " + hard;
  });
  return out;
}

Result<KernelTruth> read_back(const sys::ProcHandle& proc, int pid, bool traced) {
  const std::string base = std::to_string(pid) + "/";
  KernelTruth out;
  TRY_ASSIGN(const auto status, proc.read(base + "status"));
  TRY_ASSIGN(const auto mounts, proc.read(base + "mountinfo", kLargestMountinfo));
  TRY_ASSIGN(const auto limits, proc.read(base + "limits"));
  TRY_ASSIGN(out.cgroup, proc.read(base + "cgroup"));
  out.oom_score = one_line(proc, base + "oom_score_adj");
  out.label = one_line(proc, base + "attr/current");
  out.status = parse_status(status);
  out.mounts = parse_mountinfo(mounts);
  out.limits = parse_limits(limits);
  TRY(read_namespaces(proc, pid, out));
  if (traced) {
    out.filter = dump_filter(pid);
  }
  return out;
}

void look_up(const sys::ProcHandle& proc, int pid, const std::vector<std::string>& paths, KernelTruth& truth) {
  // The one magic link that is meant: it leads to the root of the process as the kernel knows it.
  auto fd = open_at(proc.fd(), std::to_string(pid) + "/root", O_PATH | O_DIRECTORY);
  const auto root = fd.and_then([](UniqueFd& open) { return sys::RootDir::adopt(std::move(open)); });
  if (!root) {
    return;
  }
  for (const auto& path : paths) {
    const auto found = root->open(path, O_PATH);
    struct statx info {};
    if (found && ::statx(found->get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &info) == 0 &&
        (info.stx_mask & STATX_MNT_ID) != 0) {
      truth.paths[path] = {info.stx_mnt_id, (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0};
    }
  }
}

}  // namespace nucleus::launch

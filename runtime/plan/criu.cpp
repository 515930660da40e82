#include "runtime/plan/criu.hpp"

#include <algorithm>

#include "hardening/path_text.hpp"
#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

using Words = std::vector<std::string>;

void add_switch(Words& out, bool wanted, const char* name) {
  if (wanted) {
    out.emplace_back(name);
  }
}

// In one word, because some options of criu's take their value in no other way.
void add_value(Words& out, const char* name, const std::string& value) {
  if (!value.empty()) {
    out.push_back(std::string(name) + "=" + value);
  }
}

// The administrator's files could undo any of the following; -v4 is what a bug report needs.
Words begin(const char* verb, const CriuChoices& choices, const char* log) {
  Words out = {"criu", verb, "--no-default-config", "--log-file=" + std::string(log), "-v4"};
  add_value(out, "--images-dir", choices.images);
  add_value(out, "--work-dir", choices.work);
  add_switch(out, choices.tcp_established, "--tcp-established");
  add_switch(out, choices.ext_unix_sk, "--ext-unix-sk");
  add_switch(out, choices.shell_job, "--shell-job");
  add_switch(out, choices.file_locks, "--file-locks");
  add_switch(out, choices.lazy_pages, "--lazy-pages");
  add_switch(out, choices.auto_dedup, "--auto-dedup");
  if (choices.empty_network) {
    add_value(out, "--empty-ns", "net");
  }
  return out;
}

// The names that criu has for what joins and leaves a dump; runc's keys, so that images can be exchanged.
struct CriuNamespace {
  std::string_view type;
  std::string_view name;
  std::string_view key;  // "": cannot be external; restored tasks join it instead
};
constexpr CriuNamespace kNamespaces[] = {{"network", "net", "extRootNetNS"},
                                         {"pid", "pid", "extRootPidNS"},
                                         {"ipc", "ipc", ""},
                                         {"uts", "uts", ""},
                                         {"user", "user", ""},
                                         {"time", "time", ""}};

const CriuNamespace* find(const std::string& type) {
  const auto* const hit = std::ranges::find(kNamespaces, type, &CriuNamespace::type);
  return hit == std::end(kNamespaces) ? nullptr : hit;
}

Status add_page_server(Words& out, const std::string& address) {
  if (address.empty()) {
    return {};
  }
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
    return fail(ErrorCode::usage, "Use --page-server ADDRESS:PORT to specify page server");
  }
  add_switch(out, true, "--page-server");
  add_value(out, "--address", address.substr(0, colon));
  add_value(out, "--port", address.substr(colon + 1));
  return {};
}

std::string bracketed(std::string_view kind, std::string_view inner, std::string_view rest) {
  return std::string(kind) + "[" + std::string(inner) + "]:" + std::string(rest);
}

Status add_namespace(Words& out, const ExternalNamespace& entry) {
  const CriuNamespace* known = find(entry.type);
  if (known == nullptr) {
    return fail(ErrorCode::invalid_config,
                "linux.namespaces: criu cannot restore into a " + entry.type + " namespace that is joined by its path");
  }
  const std::string number = std::to_string(entry.fd);
  if (known->key.empty()) {
    add_value(out, "--join-ns", std::string(known->name) + ":/proc/self/fd/" + number);
  } else {
    add_value(out, "--inherit-fd", bracketed("fd", number, known->key));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> dump_arguments(const DumpPlan& plan) {
  Words out = begin(plan.pre_dump ? "pre-dump" : "dump", plan.choices, kDumpLog);
  add_value(out, "--tree", std::to_string(plan.pid));
  add_value(out, "--manage-cgroups", plan.cgroups);
  add_value(out, "--freeze-cgroup", plan.freezer);
  add_value(out, "--prev-images-dir", plan.parent);
  add_switch(out, plan.pre_dump || !plan.parent.empty(), "--track-mem");
  add_switch(out, plan.leave_running || plan.pre_dump, "--leave-running");
  TRY(add_page_server(out, plan.page_server));
  if (plan.status_fd >= 0) {
    add_value(out, "--status-fd", std::to_string(plan.status_fd));
  }
  for (const auto& mount : plan.mounts) {
    add_value(out, "--external", bracketed("mnt", mount.place, mount.key));
  }
  for (const auto& entry : plan.namespaces) {
    const CriuNamespace* known = find(entry.type);
    if (known != nullptr && !known->key.empty()) {
      add_value(out, "--external", bracketed(known->name, std::to_string(entry.inode), known->key));
    }
  }
  for (const auto& file : plan.files) {
    add_value(out, "--external", file);
  }
  return out;
}

// Siblings, because the runtime outlives criu and is to be the parent; stopped, because nothing may run before it was
// looked at. The cgroup is the one that criu was started in, with the limits of the config: an image has no say.
Result<std::vector<std::string>> restore_arguments(const RestorePlan& plan) {
  Words out = begin("restore", plan.choices, kRestoreLog);
  for (const char* word : {"--restore-detached", "--restore-sibling", "--leave-stopped"}) {
    out.emplace_back(word);
  }
  add_value(out, "--manage-cgroups", "ignore");
  add_value(out, "--root", plan.root);
  add_value(out, "--pidfile", plan.pid_file);
  add_value(out, "--lsm-profile", plan.lsm_profile);
  add_value(out, "--lsm-mount-context", plan.lsm_mount_context);
  for (const auto& mount : plan.mounts) {
    add_value(out, "--external", bracketed("mnt", mount.key, mount.place));
  }
  for (const auto& entry : plan.namespaces) {
    TRY(add_namespace(out, entry));
  }
  for (const auto& [fd, name] : plan.inherit) {
    add_value(out, "--inherit-fd", bracketed("fd", std::to_string(fd), name));
  }
  return out;
}

std::vector<std::string> external_keys(const oci::Spec& spec) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& path) {
    const std::string key = hardening::normal_path(path);
    if (std::ranges::find(out, key) == out.end()) {
      out.push_back(key);
    }
  };
  for (const auto& mount : spec.mounts) {
    if (is_bind(mount)) {
      add(mount.destination);
    }
  }
  std::ranges::for_each(spec.linux.masked_paths, add);
  for (const char* path : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}) {
    add(path);
  }
  for (const auto& device : spec.linux.devices) {
    add(device.path);
  }
  return out;
}

// "(00.012345)     42: Error (criu/files-reg.c:1629): Can't lookup mount=25": time and task, the place, the words.
std::string first_error(std::string_view log) {
  constexpr std::string_view kMark = "Error (";
  const std::size_t mark = log.find(kMark);
  if (mark == std::string_view::npos) {
    return {};
  }
  std::string_view line = log.substr(mark, log.find('\n', mark) - mark);
  const std::size_t place = line.find("): ");
  return std::string(place == std::string_view::npos ? line : line.substr(place + 3));
}

}  // namespace nucleus::plan

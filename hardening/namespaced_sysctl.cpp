#include "hardening/namespaced_sysctl.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "hardening/namespace_text.hpp"

namespace nucleus::hardening {
namespace {

// ipc_namespaces(7), kernel ipc/ipc_sysctl.c and ipc/mq_sysctl.c.
constexpr std::array<std::string_view, 8> kIpc = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                                  "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                                  "kernel.shmmni", "kernel.shm_rmid_forced"};

}  // namespace

std::string dotted_sysctl(std::string name) {
  const auto first = name.find_first_of("./");
  if (first == std::string::npos || name[first] == '.') {
    return name;
  }
  for (char& c : name) {
    c = c == '/' ? '.' : c == '.' ? '/' : c;
  }
  return name;
}

bool is_namespaced_sysctl(const oci::Spec& spec, const HostFacts& facts, const std::string& spelled) {
  const std::string name = dotted_sysctl(spelled);
  // A walk up through "..", in any spelling, must not leave the prefix that was checked.
  if (name.find("..") != std::string::npos || name.find("//") != std::string::npos) {
    return false;
  }
  if (name.starts_with("net.")) {
    return !shares_host(spec, facts, "network");
  }
  if (std::ranges::count(kIpc, name) != 0 || name.starts_with("fs.mqueue.")) {
    return !shares_host(spec, facts, "ipc");
  }
  return (name == "kernel.hostname" || name == "kernel.domainname") && !shares_host(spec, facts, "uts");
}

}  // namespace nucleus::hardening

// Every way to get a config.json wrong that we know of: each gives one line that names file and place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "oci/document.hpp"
#include "oci/json.hpp"
#include "oci/validate.hpp"

namespace nucleus::oci {
namespace {

constexpr const char* kGood = R"({
  "ociVersion": "1.3.0",
  "process": {"user": {"uid": 0, "gid": 0}, "args": ["sh"], "cwd": "/"},
  "root": {"path": "rootfs"},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
  "linux": {"namespaces": [{"type": "mount"}, {"type": "network"}],
            "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}}
})";

// The good config with the value at `pointer` (RFC 6901) set to `value`; "-" as value removes it.
struct Broken {
  const char* pointer;
  const char* value;
  const char* expected;  // in the error text, which begins with "config.json"
};

// clang-format off
const Broken kBroken[] = {
    // wrong types, one for each family of fields
    {"/ociVersion", "1", "ociVersion: expected string, got number"},
    {"/process", "[]", "process: expected object, got array"},
    {"/process/terminal", "\"yes\"", "process.terminal: expected boolean, got string"},
    {"/process/consoleSize", "{\"height\":-1}", "process.consoleSize.height: expected integer in 0..4294967295, got -1"},
    {"/process/user", "\"root\"", "process.user: expected object, got string"},
    {"/process/user/uid", "\"0\"", "process.user.uid: expected integer, got string"},
    {"/process/user/gid", "1.5", "process.user.gid: expected integer, got number 1.5"},
    {"/process/user/additionalGids", "[1,\"2\"]", "process.user.additionalGids[1]: expected integer, got string"},
    {"/process/args", "\"sh\"", "process.args: expected array, got string"},
    {"/process/args", "[\"sh\",null]", "process.args[1]: expected string, got null"},
    {"/process/env", "{\"A\":\"b\"}", "process.env: expected array, got object"},
    {"/process/capabilities", "[\"CAP_KILL\"]", "process.capabilities: expected object, got array"},
    {"/process/rlimits", "{}", "process.rlimits: expected array, got object"},
    {"/process/rlimits", "[{\"hard\":-1}]", "process.rlimits[0].hard: expected integer in 0..18446744073709551615, got -1"},
    {"/process/noNewPrivileges", "1", "process.noNewPrivileges: expected boolean, got number"},
    {"/process/oomScoreAdj", "4294967296", "process.oomScoreAdj: expected integer in -2147483648..2147483647"},
    {"/process/scheduler", "\"SCHED_RR\"", "process.scheduler: expected object, got string"},
    {"/process/ioPriority", "7", "process.ioPriority: expected object, got number"},
    {"/process/execCPUAffinity/initial", "0", "process.execCPUAffinity.initial: expected string, got number"},
    {"/root", "\"/\"", "root: expected object, got string"},
    {"/root/readonly", "\"true\"", "root.readonly: expected boolean, got string"},
    {"/hostname", "{}", "hostname: expected string, got object"},
    {"/mounts", "{\"destination\":\"/a\"}", "mounts: expected array, got object"},
    {"/mounts/0/options", "\"ro\"", "mounts[0].options: expected array, got string"},
    {"/mounts/1", "null", "mounts[1]: expected object, got null"},
    {"/hooks", "[]", "hooks: expected object, got array"},
    {"/hooks/prestart", "[{\"timeout\":\"5\"}]", "hooks.prestart[0].timeout: expected integer, got string"},
    {"/annotations", "{\"a\":1}", "annotations[\"a\"]: expected string, got number"},
    {"/linux", "[]", "linux: expected object, got array"},
    {"/linux/namespaces", "[\"pid\"]", "linux.namespaces[0]: expected object, got string"},
    {"/linux/uidMappings", "[{\"size\":\"all\"}]", "linux.uidMappings[0].size: expected integer, got string"},
    {"/linux/devices", "[{\"major\":\"1\"}]", "linux.devices[0].major: expected integer, got string"},
    {"/linux/sysctl", "{\"net.ipv4.ip_forward\":1}", "linux.sysctl[\"net.ipv4.ip_forward\"]: expected string, got number"},
    {"/linux/resources", "[]", "linux.resources: expected object, got array"},
    {"/linux/resources/memory/limit", "\"1G\"", "linux.resources.memory.limit: expected integer, got string"},
    {"/linux/resources/memory/limit", "1e9", "linux.resources.memory.limit: expected integer, got number"},
    {"/linux/resources/cpu/shares", "-2", "linux.resources.cpu.shares: expected integer in 0.."},
    {"/linux/resources/pids/limit", "true", "linux.resources.pids.limit: expected integer, got boolean"},
    {"/linux/resources/blockIO/weight", "65536", "linux.resources.blockIO.weight: expected integer in 0..65535, got 65536"},
    {"/linux/resources/unified", "[]", "linux.resources.unified: expected object, got array"},
    {"/linux/resources/rdma", "{\"mlx\":1}", "linux.resources.rdma[\"mlx\"]: expected object, got number"},
    {"/linux/seccomp", "\"default\"", "linux.seccomp: expected object, got string"},
    {"/linux/seccomp/syscalls/0/names", "\"read\"", "linux.seccomp.syscalls[0].names: expected array, got string"},
    {"/linux/seccomp/syscalls/0/args", "[{\"value\":18446744073709551616}]", "linux.seccomp.syscalls[0].args[0].value: expected"},
    {"/linux/maskedPaths", "\"/proc/kcore\"", "linux.maskedPaths: expected array, got string"},
    {"/linux/timeOffsets", "{\"boottime\":1}", "linux.timeOffsets[\"boottime\"]: expected object, got number"},
    {"/linux/personality", "\"LINUX\"", "linux.personality: expected object, got string"},
    {"/linux/intelRdt/closID", "1", "linux.intelRdt.closID: expected string, got number"},
    {"/linux/memoryPolicy/flags", "\"x\"", "linux.memoryPolicy.flags: expected array, got string"},
    {"/linux/netDevices", "[]", "linux.netDevices: expected object, got array"},
    {"/Process", "{}", "Process: differs from \"process\" only in case"},
    {"/linux/MaskedPaths", "[]", "linux.MaskedPaths: differs from \"maskedPaths\" only in case"},
    // the document itself
    {"/ociVersion", "-", "ociVersion: must not be empty"},
    {"/ociVersion", "\"latest\"", "ociVersion: not a version: \"latest\""},
    {"/ociVersion", "\"1.0\"", "ociVersion: not a version"},
    {"/process", "-", "process: must be set"},
    {"/root", "-", "root.path: must not be empty"},
    {"/root/path", "\"\"", "root.path: must not be empty"},
    {"/hostname", "\"0123456789012345678901234567890123456789012345678901234567890123x\"", "hostname: longer than 64 bytes"},
    {"/hostname", "\"a\\nb\"", "hostname: holds a control character"},
    {"/domainname", "\"0123456789012345678901234567890123456789012345678901234567890123x\"", "domainname: longer than 64"},
    {"/annotations", "{\"\":\"x\"}", "annotations: keys must not be empty"},
    // process
    {"/process/args", "-", "process.args: must not be empty"},
    {"/process/args", "[]", "process.args: must not be empty"},
    {"/process/args", "[\"\"]", "process.args[0]: must not be empty"},
    {"/process/cwd", "-", "process.cwd: must not be empty"},
    {"/process/cwd", "\"tmp\"", "process.cwd: must be an absolute path, got \"tmp\""},
    {"/process/cwd", "\"../tmp\"", "process.cwd: must be an absolute path"},
    {"/process/env", "[\"A=b\",\"\"]", "process.env[1]: has no name"},
    {"/process/env", "[\"=b\"]", "process.env[0]: has no name"},
    {"/process/user/uid", "4294967295", "process.user.uid: 4294967295 is not an id"},
    {"/process/user/gid", "4294967295", "process.user.gid: 4294967295 is not an id"},
    {"/process/user/additionalGids", "[1,4294967295]", "process.user.additionalGids[1]: 4294967295 is not an id"},
    {"/process/user/umask", "512", "process.user.umask: must be at most 0777"},
    {"/process/capabilities", "{\"bounding\":[\"CAP_KILL\",\"CAP_FLY\"]}", "process.capabilities.bounding[1]: unknown capability \"CAP_FLY\""},
    {"/process/capabilities", "{\"effective\":[\"cap_kill\"]}", "process.capabilities.effective[0]: unknown capability"},
    {"/process/capabilities", "{\"inheritable\":[\"KILL\"]}", "process.capabilities.inheritable[0]: unknown capability"},
    {"/process/capabilities", "{\"permitted\":[\"\"]}", "process.capabilities.permitted[0]: unknown capability"},
    {"/process/capabilities", "{\"ambient\":[\"ALL\"]}", "process.capabilities.ambient[0]: unknown capability \"ALL\""},
    {"/process/rlimits", "[{\"type\":\"RLIMIT_FILES\",\"hard\":1,\"soft\":1}]", "process.rlimits[0].type: unknown rlimit \"RLIMIT_FILES\""},
    {"/process/rlimits", "[{\"type\":\"RLIMIT_CORE\",\"hard\":1,\"soft\":1},{\"type\":\"RLIMIT_CORE\",\"hard\":2,\"soft\":1}]", "process.rlimits[1].type: duplicate \"RLIMIT_CORE\""},
    {"/process/rlimits", "[{\"type\":\"RLIMIT_CORE\",\"hard\":1,\"soft\":2}]", "process.rlimits[0].soft: must not exceed the hard limit"},
    {"/process/oomScoreAdj", "1001", "process.oomScoreAdj: must be in -1000..1000"},
    {"/process/scheduler", "{\"policy\":\"SCHED_FAST\"}", "process.scheduler.policy: unknown policy \"SCHED_FAST\""},
    {"/process/scheduler", "{\"policy\":\"SCHED_OTHER\",\"nice\":20}", "process.scheduler.nice: must be in -20..19"},
    {"/process/scheduler", "{\"policy\":\"SCHED_FIFO\",\"priority\":0}", "process.scheduler.priority: must be 1..99"},
    {"/process/scheduler", "{\"policy\":\"SCHED_OTHER\",\"priority\":5}", "process.scheduler.priority: must be 1..99"},
    {"/process/scheduler", "{\"policy\":\"SCHED_OTHER\",\"flags\":[\"FLAG\"]}", "process.scheduler.flags[0]: unknown flag \"FLAG\""},
    {"/process/scheduler", "{\"policy\":\"SCHED_OTHER\",\"runtime\":5}", "process.scheduler: runtime, deadline and period need"},
    {"/process/scheduler", "{\"policy\":\"SCHED_DEADLINE\",\"runtime\":5,\"deadline\":4}", "process.scheduler: SCHED_DEADLINE needs"},
    {"/process/ioPriority", "{\"class\":\"BE\",\"priority\":0}", "process.ioPriority.class: unknown class \"BE\""},
    {"/process/ioPriority", "{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}", "process.ioPriority.priority: must be in 0..7"},
    {"/process/execCPUAffinity", "{\"initial\":\"0-\"}", "process.execCPUAffinity.initial: not a CPU list: \"0-\""},
    {"/process/execCPUAffinity", "{\"final\":\"3-1\"}", "process.execCPUAffinity.final: not a CPU list: \"3-1\""},
    // mounts
    {"/mounts/0/destination", "-", "mounts[0].destination: must be an absolute path, got \"\""},
    {"/mounts/0/destination", "\"proc\"", "mounts[0].destination: must be an absolute path, got \"proc\""},
    {"/mounts/0/destination", "\"/a/../../etc\"", "mounts[0].destination: must not contain \"..\""},
    {"/mounts/0/destination", "\"/..\"", "mounts[0].destination: must not contain \"..\""},
    {"/mounts/0/destination", "\"//.\"", "mounts[0].destination: must not be the root directory"},
    {"/mounts/0/type", "-", "mounts[0].type: must not be empty"},
    {"/mounts/0/type", "\"a/b\"", "mounts[0].type: not a file system type"},
    {"/mounts/0", "{\"destination\":\"/a\",\"options\":[\"rbind\"]}", "mounts[0].source: must not be empty for a bind mount"},
    {"/mounts/0", "{\"destination\":\"/a\",\"source\":\"/s\",\"options\":[\"bind\",\"readonly\"]}", "mounts[0].options: unknown option \"readonly\" on a bind mount"},
    {"/mounts/0", "{\"destination\":\"/a\",\"source\":\"/s\",\"type\":\"bind\",\"options\":[\"nosuidd\"]}", "mounts[0].options: unknown option \"nosuidd\" on a bind mount"},
    {"/mounts/0", "{\"destination\":\"/a\",\"source\":\"/s\",\"options\":[\"bind\",\"ro=recursive\"]}", "mounts[0].options: unknown option \"ro=recursive\" on a bind mount"},
    {"/mounts/0/options", "[\"ro\",\"size=1,exec\"]", "mounts[0].options[1]: \"size=1,exec\" holds a comma"},
    {"/mounts/0/options", "[\"a\\u0001\"]", "mounts[0].options[0]: \"a\\x01\" holds a control character"},
    {"/mounts/0/options", "[\"\",\"=x\"]", "mounts[0].options[1]: \"=x\" has no name"},
    {"/mounts/0/options", "[\"tmpcopyup\"]", "mounts[0].options: \"tmpcopyup\" needs type tmpfs"},
    {"/mounts/0/uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1}]", "mounts[0]: uidMappings and gidMappings must be set together"},
    {"/mounts/0/options", "[\"idmap\"]", "mounts[0]: id-mapped mounts must be bind mounts"},
    {"/mounts/0", "{\"destination\":\"/a\",\"source\":\"/s\",\"options\":[\"bind\",\"idmap\"]}", "mounts[0].options: \"idmap\" needs mappings"},
    {"/mounts/0/gidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":0}]", "mounts[0].gidMappings[0].size: must not be 0"},
    // hooks
    {"/hooks/prestart", "[{\"path\":\"hook\"}]", "hooks.prestart[0].path: must be an absolute path"},
    {"/hooks/createRuntime", "[{}]", "hooks.createRuntime[0].path: must be an absolute path"},
    {"/hooks/createContainer", "[{\"path\":\"/h\",\"timeout\":0}]", "hooks.createContainer[0].timeout: must be greater than 0"},
    {"/hooks/startContainer", "[{\"path\":\"/h\"},{\"path\":\"x\"}]", "hooks.startContainer[1].path: must be an absolute path"},
    {"/hooks/poststart", "[{\"path\":\"/h/../x\"}]", "hooks.poststart[0].path: must not contain \"..\""},
    {"/hooks/poststop", "[{\"path\":\"/h\",\"timeout\":-1}]", "hooks.poststop[0].timeout: must be greater than 0"},
    // linux
    {"/linux/namespaces", "[{\"type\":\"net\"}]", "linux.namespaces[0].type: unknown namespace \"net\""},
    {"/linux/namespaces", "[{\"type\":\"pid\"},{\"type\":\"pid\"}]", "linux.namespaces[1].type: duplicate \"pid\""},
    {"/linux/namespaces", "[{\"type\":\"pid\",\"path\":\"proc/1/ns/pid\"}]", "linux.namespaces[0].path: must be an absolute path"},
    {"/linux/uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1}]", "linux.uidMappings: needs a user namespace"},
    {"/linux/gidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1}]", "linux.gidMappings: needs a user namespace"},
    {"/linux/namespaces/2", "{\"type\":\"user\"}", "linux.uidMappings: must not be empty for a new user namespace"},
    {"/linux/uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":0}]", "linux.uidMappings[0].size: must not be 0"},
    {"/linux/uidMappings", "[{\"containerID\":1,\"hostID\":0,\"size\":4294967295}]", "linux.uidMappings[0]: reaches beyond id 4294967294"},
    {"/linux/uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":10},{\"containerID\":9,\"hostID\":100,\"size\":1}]", "linux.uidMappings: container ids overlap"},
    {"/linux/gidMappings", "[{\"containerID\":0,\"hostID\":5,\"size\":10},{\"containerID\":50,\"hostID\":14,\"size\":1}]", "linux.gidMappings: host ids overlap"},
    {"/linux/timeOffsets", "{\"boottime\":{\"secs\":1}}", "linux.timeOffsets: needs a new time namespace"},
    {"/linux/timeOffsets", "{\"realtime\":{\"secs\":1}}", "linux.timeOffsets[\"realtime\"]: unknown clock \"realtime\""},
    {"/linux/timeOffsets", "{\"boottime\":{\"nanosecs\":1000000000}}", "linux.timeOffsets[\"boottime\"].nanosecs: must be less than"},
    {"/linux/devices", "[{\"path\":\"dev/x\",\"type\":\"c\"}]", "linux.devices[0].path: must be an absolute path"},
    {"/linux/devices", "[{\"path\":\"/dev/../x\",\"type\":\"c\"}]", "linux.devices[0].path: must not contain \"..\""},
    {"/linux/devices", "[{\"path\":\"/dev/x\",\"type\":\"z\"}]", "linux.devices[0].type: unknown device type \"z\""},
    {"/linux/devices", "[{\"path\":\"/dev/x\",\"type\":\"b\",\"major\":-1}]", "linux.devices[0]: major and minor must not be negative"},
    {"/linux/netDevices", "{\"eth/0\":{}}", "linux.netDevices[\"eth/0\"]: not an interface name"},
    {"/linux/netDevices", "{\"eth0\":{\"name\":\"a b\"}}", "linux.netDevices[\"eth0\"].name: not an interface name: \"a b\""},
    {"/linux/netDevices", "{\"eth0\":{\"name\":\"x\"},\"eth1\":{\"name\":\"x\"}}", "linux.netDevices[\"eth1\"].name: duplicate \"x\""},
    {"/linux/cgroupsPath", "\"/a/../../b\"", "linux.cgroupsPath: must not contain \"..\""},
    {"/linux/cgroupsPath", "\"/a\\nb\"", "linux.cgroupsPath: holds a control character"},
    {"/linux/sysctl", "{\"../../etc/passwd\":\"1\"}", "linux.sysctl[\"../../etc/passwd\"]: not a sysctl name"},
    {"/linux/sysctl", "{\"net..x\":\"1\"}", "linux.sysctl[\"net..x\"]: not a sysctl name"},
    {"/linux/sysctl", "{\"/net/x\":\"1\"}", "linux.sysctl[\"/net/x\"]: not a sysctl name"},
    {"/linux/sysctl", "{\"\":\"1\"}", "linux.sysctl[\"\"]: not a sysctl name"},
    {"/linux/rootfsPropagation", "\"open\"", "linux.rootfsPropagation: unknown propagation \"open\""},
    {"/linux/maskedPaths", "[\"/proc/kcore\",\"proc/keys\"]", "linux.maskedPaths[1]: must be an absolute path, got \"proc/keys\""},
    {"/linux/readonlyPaths", "[\"/proc/../sys\"]", "linux.readonlyPaths[0]: must not contain \"..\""},
    {"/linux/personality", "{\"domain\":\"BSD\"}", "linux.personality.domain: unknown domain \"BSD\""},
    {"/linux/personality", "{\"domain\":\"LINUX\",\"flags\":[\"X\"]}", "linux.personality.flags[0]: unknown flag \"X\""},
    {"/linux/memoryPolicy", "{\"mode\":\"MPOL_ALL\"}", "linux.memoryPolicy.mode: unknown mode \"MPOL_ALL\""},
    {"/linux/memoryPolicy", "{\"mode\":\"MPOL_BIND\",\"nodes\":\"a\"}", "linux.memoryPolicy.nodes: not a node list: \"a\""},
    {"/linux/memoryPolicy", "{\"mode\":\"MPOL_BIND\"}", "linux.memoryPolicy.nodes: must not be empty for MPOL_BIND"},
    {"/linux/memoryPolicy", "{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}", "linux.memoryPolicy.nodes: must be empty for MPOL_LOCAL"},
    {"/linux/memoryPolicy", "{\"mode\":\"MPOL_DEFAULT\",\"flags\":[\"F\"]}", "linux.memoryPolicy.flags[0]: unknown flag \"F\""},
    {"/linux/intelRdt/closID", "\"a/b\"", "linux.intelRdt.closID: not a directory name: \"a/b\""},
    {"/linux/intelRdt/closID", "\"..\"", "linux.intelRdt.closID: not a directory name: \"..\""},
    // resources
    {"/linux/resources/devices", "[{\"allow\":true,\"type\":\"x\"}]", "linux.resources.devices[0].type: unknown device type \"x\""},
    {"/linux/resources/devices", "[{\"allow\":true,\"access\":\"rwx\"}]", "linux.resources.devices[0].access: must consist of r, w and m"},
    {"/linux/resources/devices", "[{\"allow\":true,\"major\":-2}]", "linux.resources.devices[0].major: must be at least -1"},
    {"/linux/resources/memory/limit", "-2", "linux.resources.memory.limit: must be at least -1"},
    {"/linux/resources/memory/swappiness", "101", "linux.resources.memory.swappiness: must be at most 100"},
    {"/linux/resources/cpu/cpus", "\"0,,1\"", "linux.resources.cpu.cpus: not a CPU list: \"0,,1\""},
    {"/linux/resources/cpu/mems", "\"0\\n\"", "linux.resources.cpu.mems: not a node list"},
    {"/linux/resources/cpu/idle", "2", "linux.resources.cpu.idle: must be 0 or 1"},
    {"/linux/resources/cpu/quota", "-5", "linux.resources.cpu.quota: must be at least -1"},
    {"/linux/resources/pids/limit", "-2", "linux.resources.pids.limit: must be at least -1"},
    {"/linux/resources/blockIO/weight", "5", "linux.resources.blockIO.weight: must be in 10..1000"},
    {"/linux/resources/blockIO/weightDevice", "[{\"major\":1,\"minor\":1,\"leafWeight\":1001}]", "linux.resources.blockIO.weightDevice[0].leafWeight: must be in 10..1000"},
    {"/linux/resources/blockIO/throttleReadBpsDevice", "[{\"major\":-1}]", "linux.resources.blockIO.throttleReadBpsDevice[0]: major and minor"},
    {"/linux/resources/hugepageLimits", "[{\"pageSize\":\"2/MB\"}]", "linux.resources.hugepageLimits[0].pageSize: not a page size: \"2/MB\""},
    {"/linux/resources/hugepageLimits", "[{\"pageSize\":\"0MB\"}]", "linux.resources.hugepageLimits[0].pageSize: not a page size"},
    {"/linux/resources/network/priorities", "[{\"name\":\"a/b\"}]", "linux.resources.network.priorities[0].name: not an interface name"},
    {"/linux/resources/rdma", "{\"a b\":{}}", "linux.resources.rdma[\"a b\"]: not a device name"},
    {"/linux/resources/unified", "{\"../cgroup.procs\":\"0\"}", "linux.resources.unified[\"../cgroup.procs\"]: not a file name"},
    {"/linux/resources/unified", "{\"..\":\"0\"}", "linux.resources.unified[\"..\"]: not a file name"},
    // seccomp
    {"/linux/seccomp/defaultAction", "-", "linux.seccomp.defaultAction: unknown action \"\""},
    {"/linux/seccomp/defaultAction", "\"SCMP_ACT_DENY\"", "linux.seccomp.defaultAction: unknown action \"SCMP_ACT_DENY\""},
    {"/linux/seccomp/defaultAction", "\"SCMP_ACT_NOTIFY\"", "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default"},
    {"/linux/seccomp/defaultErrnoRet", "4096", "linux.seccomp.defaultErrnoRet: must be at most 4095"},
    {"/linux/seccomp/architectures", "[\"x86\"]", "linux.seccomp.architectures[0]: unknown architecture \"x86\""},
    {"/linux/seccomp/flags", "[\"SECCOMP_FILTER_FLAG_NEW_LISTENER\"]", "linux.seccomp.flags[0]: unknown flag"},
    {"/linux/seccomp/syscalls/0/action", "\"ALLOW\"", "linux.seccomp.syscalls[0].action: unknown action \"ALLOW\""},
    {"/linux/seccomp/syscalls/0/names", "[]", "linux.seccomp.syscalls[0].names: must not be empty"},
    {"/linux/seccomp/syscalls/0/names", "[\"read\",\"\"]", "linux.seccomp.syscalls[0].names[1]: not a syscall name"},
    {"/linux/seccomp/syscalls/0/errnoRet", "1", "linux.seccomp.syscalls[0].errnoRet: needs SCMP_ACT_ERRNO or SCMP_ACT_TRACE"},
    {"/linux/seccomp/syscalls/0/args", "[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]", "linux.seccomp.syscalls[0].args[0].index: must be at most 5"},
    {"/linux/seccomp/syscalls/0/args", "[{\"index\":0,\"value\":0,\"op\":\"==\"}]", "linux.seccomp.syscalls[0].args[0].op: unknown operator \"==\""},
    {"/linux/seccomp/syscalls/0/action", "\"SCMP_ACT_NOTIFY\"", "linux.seccomp.listenerPath: must be set"},
    {"/linux/seccomp/listenerMetadata", "\"x\"", "linux.seccomp.listenerMetadata: needs linux.seccomp.listenerPath"},
    {"/linux/seccomp/listenerPath", "\"sock\"", "linux.seccomp.listenerPath: must be an absolute path"},
};
// clang-format on

std::string broken_text(const Broken& broken) {
  Json config = Json::parse(kGood);
  const Json::json_pointer at(broken.pointer);
  if (broken.value == std::string_view("-")) {
    config[at.parent_pointer()].erase(at.back());
  } else {
    config[at] = Json::parse(broken.value);
  }
  return config.dump();
}

// What `create` would say.
std::string verdict(std::string_view text) {
  const auto spec = parse_spec(text, "config.json");
  if (!spec) {
    EXPECT_EQ(spec.error().code, ErrorCode::invalid_config);
    return spec.error().text;
  }
  const Status status = validate(*spec);
  if (!status) {
    EXPECT_EQ(status.error().code, ErrorCode::invalid_config);
  }
  return status ? "ok" : "config.json: " + status.error().text;
}

TEST(BrokenConfigs, EachIsRefusedInOneLineThatNamesThePlace) {
  for (const Broken& broken : kBroken) {
    const std::string text = verdict(broken_text(broken));
    EXPECT_THAT(text, ::testing::StartsWith("config.json: " + std::string(broken.expected))) << broken_text(broken);
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

TEST(BrokenConfigs, TheUnbrokenOneIsGood) { EXPECT_EQ(verdict(kGood), "ok"); }

// A check that no broken config trips could be deleted unnoticed.
TEST(BrokenConfigs, EveryCheckIsTripped) {
  std::set<std::string_view> tripped;
  for (const Broken& broken : kBroken) {
    const auto spec = parse_spec(broken_text(broken), "config.json");
    for (const Check& check : spec_checks()) {
      if (spec && !check.run(*spec)) {
        tripped.insert(check.name);
      }
    }
  }
  for (const Check& check : spec_checks()) {
    EXPECT_TRUE(tripped.contains(check.name)) << check.name;
  }
}

struct BrokenText {
  std::string text;
  const char* expected;
};

std::string nested(std::string_view open, int depth) {
  std::string out = "{\"x\":";
  for (int i = 0; i < depth; ++i) {
    out += open;
  }
  return out;
}

TEST(BrokenConfigs, TextsThatAreNotADocument) {
  const BrokenText texts[] = {
      {"", "config.json:1:1: parse error: premature EOF"},
      {"{", "config.json:1:2: parse error: premature EOF"},
      {"null", "config.json: expected object, got null"},
      {"\"x\"", "config.json: expected object, got string"},
      {"{\"process\":{\"args\":[\"a\"],\n\"args\":[]}}", "config.json:2:1: duplicate key \"args\""},
      {"{\"annotations\":{\"a\":\"1\",\"\\u0061\":\"2\"}}", "config.json:1:25: duplicate key \"a\""},
      {"{\"hostname\":\"a\\u0000b\"}", "config.json:1:15: NUL in a string"},
      {"{\"process\":{\"args\":[\"sh\\u0000\"]}}", "config.json:1:24: NUL in a string"},
      {std::string("{\"hostname\":\"a\0b\"}", 19), "config.json:1:15: NUL byte"},
      {"{\"hostname\":\"\xff\"}", "config.json:1:14: invalid UTF-8"},
      {"{} // done", "config.json:1:4: trailing garbage"},
      {"{}{}", "config.json:1:3: trailing garbage"},
      {nested("[", 10'000), "config.json:1:69: nested deeper than 64 levels"},
      {nested("{\"x\":", 10'000), "config.json:1:321: nested deeper than 64 levels"},
      {std::string(100 * 1024 * 1024, ' '), "config.json: larger than 4194304 bytes"},
      {"{\"a\":" + std::string(1000, '9') + "}", "config.json:1:6: number out of range"},
  };
  for (const BrokenText& broken : texts) {
    EXPECT_THAT(verdict(broken.text), ::testing::StartsWith(broken.expected));
  }
}

}  // namespace
}  // namespace nucleus::oci

#include "runtime/sys/mount.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/base/io.hpp"

namespace nucleus::sys {
namespace {

// What the kernel logged on the context (fsopen(2)): "e overlay: ..." lines, the severity first.
std::string context_messages(int context) {
  std::string text;
  std::array<char, 512> line{};
  for (int count = 0; count < 16; ++count) {
    const ssize_t got = ::read(context, line.data(), line.size());
    if (got <= 0) {
      break;
    }
    std::string_view message(line.data(), static_cast<std::size_t>(got));
    message.remove_prefix(std::min<std::size_t>(message.size(), 2));
    while (!message.empty() && message.back() == '\n') {
      message.remove_suffix(1);
    }
    text += text.empty() ? " (" : "; ";
    text += message;
  }
  return text.empty() ? text : text + ")";
}

Status configure(int context, const NewFilesystem& filesystem, unsigned command, const char* key, const char* value) {
  if (::syscall(SYS_fsconfig, context, command, key, value, 0) == 0) {
    return {};
  }
  const int error = errno;
  std::string what = "mount " + filesystem.type;
  if (key != nullptr) {
    what += std::string(", option ") + key + (value != nullptr ? std::string("=") + value : std::string());
  }
  return fail_errno(what + context_messages(context), error);
}

Status set_parameters(int context, const NewFilesystem& filesystem) {
  const std::string& source = filesystem.source.empty() ? filesystem.type : filesystem.source;
  TRY(configure(context, filesystem, FSCONFIG_SET_STRING, "source", source.c_str()));
  for (const auto& [key, value] : filesystem.parameters) {
    if (value.empty()) {
      TRY(configure(context, filesystem, FSCONFIG_SET_FLAG, key.c_str(), nullptr));
    } else {
      TRY(configure(context, filesystem, FSCONFIG_SET_STRING, key.c_str(), value.c_str()));
    }
  }
  if (filesystem.superblock_readonly) {
    TRY(configure(context, filesystem, FSCONFIG_SET_FLAG, "ro", nullptr));
  }
  return configure(context, filesystem, FSCONFIG_CMD_CREATE, nullptr, nullptr);
}

}  // namespace

Result<UniqueFd> make_filesystem(const NewFilesystem& filesystem) {
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, filesystem.type.c_str(), FSOPEN_CLOEXEC)));
  if (!context) {
    return fail_errno("mount " + filesystem.type);
  }
  TRY(set_parameters(context.get(), filesystem));
  const long mount = ::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, filesystem.attributes);
  if (mount < 0) {
    const int error = errno;
    return fail_errno("mount " + filesystem.type + context_messages(context.get()), error);
  }
  return UniqueFd(static_cast<int>(mount));
}

Result<UniqueFd> clone_tree(int fd, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  const long mount = ::syscall(SYS_open_tree, fd, "", flags);
  if (mount < 0) {
    return fail_errno("clone mount");
  }
  return UniqueFd(static_cast<int>(mount));
}

Result<UniqueFd> clone_tree_at(const std::string& host_path, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U);
  const long mount = ::syscall(SYS_open_tree, AT_FDCWD, host_path.c_str(), flags);
  if (mount < 0) {
    return fail_errno("bind " + host_path);
  }
  return UniqueFd(static_cast<int>(mount));
}

Status change_mount(int mount, const MountChange& change, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = change.set;
  attributes.attr_clr = change.clear;
  attributes.propagation = change.propagation;
  if ((change.set & MOUNT_ATTR_IDMAP) != 0) {
    attributes.userns_fd = static_cast<std::uint64_t>(change.user_namespace);
  }
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  if (::syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof(attributes)) != 0) {
    return fail_errno("change mount attributes");
  }
  return {};
}

unsigned long propagation_flags(std::string_view name) {
  unsigned long flags = 0;
  if (name.starts_with('r')) {
    flags = MS_REC;
    name.remove_prefix(1);
  }
  if (name == "private") {
    return flags | MS_PRIVATE;
  }
  if (name == "slave") {
    return flags | MS_SLAVE;
  }
  if (name == "shared") {
    return flags | MS_SHARED;
  }
  return name == "unbindable" ? flags | MS_UNBINDABLE : 0;
}

Status attach(int mount, int target) {
  constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (::syscall(SYS_move_mount, mount, "", target, "", kFlags) != 0) {
    return fail_errno("attach mount");
  }
  return {};
}

Status detach(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (::umount2(path.c_str(), MNT_DETACH) != 0) {
    return fail_errno("detach mount");
  }
  return {};
}

Status set_root_propagation(unsigned long flags) {
  if (::mount(nullptr, "/", nullptr, flags, nullptr) != 0) {
    return fail_errno("set propagation of /");
  }
  return {};
}

Status pivot_root_into(int new_root) {
  TRY_ASSIGN(const UniqueFd old_root, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
  if (::fchdir(new_root) != 0) {
    return fail_errno("enter the new root");
  }
  // pivot_root(2), "pivot_root(".", ".")": the old root ends up stacked on the new one.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) {
    return fail_errno("pivot_root");
  }
  if (::fchdir(old_root.get()) != 0) {
    return fail_errno("enter the old root");
  }
  // Where the tree is shared with the host, taking it down here must not take it down there.
  if (::mount(nullptr, ".", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) {
    return fail_errno("isolate the old root");
  }
  // umount2 follows "." down to whatever is stacked on the old root (the container's root was, before), so one call may
  // take only that away and leave the host's tree for setns(2) to find: on until nothing is mounted here.
  while (::umount2(".", MNT_DETACH) == 0) {
  }
  if (errno != EINVAL) {
    return fail_errno("detach the old root");
  }
  if (::chdir("/") != 0) {
    return fail_errno("chdir /");
  }
  return {};
}

}  // namespace nucleus::sys

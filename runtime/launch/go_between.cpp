#include "runtime/launch/go_between.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kCloneParent = 0x00008000;  // CLONE_PARENT

// What the go-between tells: the child's pid, or why there is none.
struct Birth {
  int pid = -1;
  int sys_errno = 0;
};

Birth give_birth(sys::CloneArgs args, const std::function<Status(sys::CloneArgs&)>& enter,
                 const std::function<void()>& child) {
  args.flags |= kCloneParent;
  if (const Status ready = enter(args); !ready) {
    return {-1, ready.error().sys_errno};
  }
  const auto cloned = sys::clone3(args);
  if (!cloned) {
    return {-1, cloned.error().sys_errno};
  }
  if (cloned->pid == 0) {
    child();
    ::_exit(1);
  }
  return {cloned->pid, 0};
}

}  // namespace

Result<sys::Child> clone_through_go_between(const sys::CloneArgs& args,
                                            const std::function<Status(sys::CloneArgs&)>& enter,
                                            const std::function<void()>& child) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return fail_errno("pipe");
  }
  const UniqueFd reader(pipe_ends[0]);
  UniqueFd writer(pipe_ends[1]);
  TRY_ASSIGN(auto cloned, sys::clone3({}));
  if (cloned.pid == 0) {
    const Birth birth = give_birth(args, enter, child);
    ::_exit(::write(writer.get(), &birth, sizeof birth) == static_cast<ssize_t>(sizeof birth) ? 0 : 1);
  }
  sys::Child go_between(cloned.pid, std::move(cloned.pidfd));
  writer.reset();
  Birth birth;
  const ssize_t got = ::read(reader.get(), &birth, sizeof birth);
  TRY(go_between.wait());
  if (got != static_cast<ssize_t>(sizeof birth) || birth.pid <= 0) {
    return fail_errno("cannot make a process in the joined namespaces", birth.sys_errno);
  }
  TRY_ASSIGN(UniqueFd pidfd, sys::pidfd_open(birth.pid));
  return sys::Child(birth.pid, std::move(pidfd));
}

}  // namespace nucleus::launch

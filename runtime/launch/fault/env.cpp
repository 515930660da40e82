// NUCLEUS_FAULT=STAGE:INDEX:WHAT with WHAT = kill (SIGKILL to oneself; the first process of a pid namespace is immune
// and pauses), pause (for ever) or fail (EIO). That the point was reached shows in the file $NUCLEUS_FAULT_MARK, which
// init can make only up to pivot_root, and in the process's name, nucleus-fault.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "runtime/launch/fault.hpp"

namespace nucleus::launch {
namespace {

void leave_mark() {
  ::prctl(PR_SET_NAME, "nucleus-fault");
  if (const char* mark = std::getenv("NUCLEUS_FAULT_MARK")) {
    const int fd = ::open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0) {
      ::close(fd);
    }
  }
}

}  // namespace

Status fault_point(std::string_view stage, std::size_t index) {
  const char* wanted = std::getenv("NUCLEUS_FAULT");
  const std::string here = std::string(stage) + ":" + std::to_string(index) + ":";
  if (wanted == nullptr || std::string_view(wanted).substr(0, here.size()) != here) {
    return {};
  }
  const std::string_view what = std::string_view(wanted).substr(here.size());
  leave_mark();
  if (what == "kill") {
    ::kill(::getpid(), SIGKILL);
  }
  while (what == "pause" || what == "kill") {
    ::pause();
  }
  return fail_errno("injected fault at " + here, EIO);
}

}  // namespace nucleus::launch

#include "runtime/sys/terminal.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/mount.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::sys {
namespace {

constexpr unsigned kPtsMajor = 136;  // Documentation/admin-guide/devices.txt

Status check_peer(int peer) {
  struct stat status {};
  if (::fstat(peer, &status) != 0) {
    return fail_errno("stat terminal");
  }
  if (!S_ISCHR(status.st_mode) || major(status.st_rdev) != kPtsMajor) {
    return fail(ErrorCode::kernel, "terminal is not a pseudo-terminal of devpts");
  }
  return {};
}

Result<UniqueFd> open_ptmx(const RootDir& root) {
  TRY_ASSIGN(const UniqueFd pts, root.open("/dev/pts", O_PATH | O_DIRECTORY));
  struct statfs status {};
  if (::fstatfs(pts.get(), &status) != 0) {
    return fail_errno("statfs /dev/pts");
  }
  if (status.f_type != DEVPTS_SUPER_MAGIC) {
    return fail(ErrorCode::kernel, "/dev/pts is not a devpts file system");
  }
  return open_at(pts.get(), "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW);
}

}  // namespace

Result<Terminal> open_terminal(const RootDir& root) {
  TRY_ASSIGN(UniqueFd master, open_ptmx(root));
  int unlock = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &unlock) != 0) {
    return fail_errno("unlock terminal");
  }
  unsigned number = 0;
  if (::ioctl(master.get(), TIOCGPTN, &number) != 0) {
    return fail_errno("number of terminal");
  }
  UniqueFd peer(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!peer) {
    return fail_errno("open terminal peer");
  }
  TRY(check_peer(peer.get()));
  return Terminal{std::move(master), std::move(peer), "/dev/pts/" + std::to_string(number)};
}

Status set_window_size(int terminal, WindowSize size) {
  winsize raw{};
  raw.ws_row = size.rows;
  raw.ws_col = size.columns;
  if (::ioctl(terminal, TIOCSWINSZ, &raw) != 0) {
    return fail_errno("set window size");
  }
  return {};
}

Result<WindowSize> window_size(int terminal) {
  winsize raw{};
  if (::ioctl(terminal, TIOCGWINSZ, &raw) != 0) {
    return fail_errno("read window size");
  }
  return WindowSize{raw.ws_row, raw.ws_col};
}

Status bind_console(const RootDir& root, int peer) {
  TRY(check_peer(peer));
  TRY_ASSIGN(const UniqueFd mount, clone_tree(peer, false));
  TRY_ASSIGN(const UniqueFd target, root.create_file("/dev/console", 0620));
  TRY_WITH(attach(mount.get(), target.get()), "/dev/console");
  return {};
}

Status become_terminal_session(int peer) {
  if (::setsid() < 0 && ::getsid(0) != ::getpid()) {
    return fail_errno("setsid");
  }
  if (::ioctl(peer, TIOCSCTTY, 0) != 0) {
    return fail_errno("make controlling terminal");
  }
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::dup2(peer, standard) < 0) {
      return fail_errno("dup2 terminal");
    }
  }
  return {};
}

Status send_terminal(const std::string& socket_path, int master, const std::string& name) {
  auto socket = connect_to(socket_path, SocketType::stream);
  if (!socket) {
    return tl::unexpected<Error>(std::move(socket).error().with("console socket"));
  }
  const std::array<int, 1> fds = {master};
  TRY_WITH(send_message(socket->get(), name, fds), "console socket");
  return {};
}

}  // namespace nucleus::sys

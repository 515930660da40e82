// The container's terminal: a pty of its own devpts, handed to the engine by its master.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::sys {

struct Terminal {
  UniqueFd master;
  UniqueFd peer;     // from TIOCGPTPEER, not from a path (CVE-2025-52565)
  std::string name;  // "/dev/pts/N" inside the container
};

// Opens a new pty of the devpts mounted at dev/pts in `root`. Verified: the file system's magic number, and that the
// peer is a character device of major 136.
[[nodiscard]] Result<Terminal> open_terminal(const RootDir& root);

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};
[[nodiscard]] Status set_window_size(int terminal, WindowSize size);
[[nodiscard]] Result<WindowSize> window_size(int terminal);

// Bind-mounts the peer on /dev/console in `root` (created if missing).
[[nodiscard]] Status bind_console(const RootDir& root, int peer);

// New session, `peer` as its controlling terminal and as descriptors 0, 1, 2.
[[nodiscard]] Status become_terminal_session(int peer);

// Connects to the engine's console socket and sends the master: one message, the terminal's name as data, one
// SCM_RIGHTS descriptor. This is what conmon and containerd's shim wait for.
[[nodiscard]] Status send_terminal(const std::string& socket_path, int master, const std::string& name);

}  // namespace nucleus::sys

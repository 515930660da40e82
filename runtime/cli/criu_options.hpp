// What checkpoint and restore share: their options, spelled as runc spells them, and the choices made of those.
#pragma once

#include "runtime/cli/command.hpp"
#include "runtime/plan/criu.hpp"

namespace nucleus::cli {

inline constexpr Option kImagePathOption = {"image-path", 0, "DIR", "directory of the image (default ./checkpoint)"};
inline constexpr Option kWorkPathOption = {"work-path", 0, "DIR", "directory of criu's logs (default: the image's)"};
inline constexpr Option kTcpOption = {"tcp-established", 0, "", "established TCP connections too"};
inline constexpr Option kUnixOption = {"ext-unix-sk", 0, "", "unix sockets whose other end is outside too"};
inline constexpr Option kShellJobOption = {"shell-job", 0, "", "jobs of a shell outside too"};
inline constexpr Option kLocksOption = {"file-locks", 0, "", "file locks too"};
inline constexpr Option kLazyOption = {"lazy-pages", 0, "", "memory on demand, by userfaultfd"};
inline constexpr Option kCgroupsModeOption = {"manage-cgroups-mode", 0, "soft|full|strict|ignore",
                                              "what criu records of cgroups; a restored container has its config's"};
inline constexpr Option kEmptyOption = {"empty-ns", 0, "network", "leave what is in the namespace out (repeatable)"};
inline constexpr Option kDedupOption = {"auto-dedup", 0, "", "keep no page twice"};

// Errors: ErrorCode::usage with runc's words.
[[nodiscard]] Result<plan::CriuChoices> criu_choices(const Arguments& arguments);
[[nodiscard]] Result<std::string> cgroups_mode(const Arguments& arguments);

}  // namespace nucleus::cli

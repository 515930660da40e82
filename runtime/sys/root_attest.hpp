// Reads a whole directory tree for attestation: every node's metadata and every file's content, on all cores.
//
// Every step is one component below an open directory, no symlink is followed, no mount below is entered (an error: what
// is mounted there is not what this file system holds), and nothing but directories and regular files is opened for
// reading: FIFOs, sockets and devices are looked at. A node that changes while the tree is read is an error, also when it
// changes after its turn: at the end everything is looked at again. That finds every change that moves a node's ctime
// or identity; a writer who already maps a page of a file for writing can change it unseen.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

struct TreeNode {
  std::string path;  // bytes, relative to the root; "." is the root itself
  mode_t mode = 0;   // with the type
  uid_t uid = 0;     // as the calling process sees them through the mount it was given
  gid_t gid = 0;
  std::uint64_t size = 0;                                   // of a regular file
  dev_t rdev = 0;                                           // of a device
  bool hashed = false;                                      // a regular file whose content was wanted
  std::array<std::uint8_t, 32> digest{};                    // of its content
  std::string target;                                       // of a symlink
  std::vector<std::pair<std::string, std::string>> xattrs;  // those that were wanted, by name
};

// Hashing is not this layer's business.
class ContentHash {
 public:
  ContentHash() = default;
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;
  virtual ~ContentHash() = default;
  virtual void update(std::string_view bytes) = 0;
  // Also makes it ready for the next file.
  [[nodiscard]] virtual std::array<std::uint8_t, 32> finish() = 0;
};

struct TreeProgress {
  std::uint64_t nodes = 0;
  std::uint64_t bytes = 0;
};

// What is called here is called from several threads at the same time, but for `progress`, which the caller's calls.
struct TreeReadOptions {
  std::function<std::unique_ptr<ContentHash>()> make_hash;
  // False leaves a file unread (a size that is wrong already, a sparse file without end).
  std::function<bool(std::string_view path, std::uint64_t size)> wants_content;
  std::function<bool(std::string_view name)> wants_xattr;
  std::function<void(const TreeProgress&)> progress;  // may be empty; about five times a second
  std::size_t max_nodes = 0;                          // more are an error
  unsigned threads = 0;                               // 0: one for each CPU the caller may use
};

// `root` is any descriptor of a directory, for example of a detached mount. In no particular order. The caller must have
// no other threads, and has none of this function's when it returns. Errors are ErrorCode::policy, name the path and
// avoid strerror's texts, which engines map to exit codes. Needs /proc.
[[nodiscard]] Result<std::vector<TreeNode>> read_tree(int root, const TreeReadOptions& options);

}  // namespace nucleus::sys

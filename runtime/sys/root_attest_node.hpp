// One node of a tree that read_tree() reads.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/root_attest.hpp"

namespace nucleus::sys {

// A node and what tells whether it changed since.
struct SeenNode {
  TreeNode node;
  dev_t device = 0;
  ino_t inode = 0;
  timespec changed{};   // ctime
  timespec modified{};  // mtime
};

struct DirectoryListing {
  std::vector<std::string> directories;
  std::vector<std::string> files;   // regular ones
  std::vector<std::string> others;  // neither
};

// Each thread has one.
class NodeReader {
 public:
  explicit NodeReader(const TreeReadOptions& options);

  // `name` below `directory`; `path` is its whole path. The directory itself goes to `open`.
  [[nodiscard]] Result<SeenNode> directory(int directory, const std::string& name, const std::string& path,
                                           UniqueFd& open, DirectoryListing& listing);
  [[nodiscard]] Result<SeenNode> file(int directory, const std::string& name, std::string path);
  [[nodiscard]] Result<SeenNode> other(int directory, const std::string& name, std::string path);

  // Bytes of content read so far.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  [[nodiscard]] Result<UniqueFd> open(int directory, const std::string& name, const std::string& path, int flags);
  [[nodiscard]] Status content(int fd, SeenNode& seen);
  [[nodiscard]] Status attributes(const std::string& at, int fd, TreeNode& node);

  const TreeReadOptions& options_;
  std::unique_ptr<ContentHash> hash_;
  std::vector<char> buffer_;
  std::uint64_t bytes_ = 0;
  std::uint64_t attribute_bytes_ = 0;
  int no_atime_;  // O_NOATIME until somebody else's file forbids it
};

// True while the name below `root` still is the node that was seen, unchanged.
[[nodiscard]] bool is_unchanged(int root, const SeenNode& seen);

// ErrorCode::policy, without strerror's text.
[[nodiscard]] tl::unexpected<Error> tree_error(const std::string& path, int err);
[[nodiscard]] tl::unexpected<Error> tree_changed(const std::string& path);

}  // namespace nucleus::sys

// Creates what is missing of a path inside a root, one component at a time on descriptors. Used by RootDir only where
// openat2(2) found that something is missing; ".." and symlinks are interpreted here, against the directories walked
// through, so nothing an attacker renames can make the walk climb out.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// The components of a path without empty ones.
[[nodiscard]] std::vector<std::string> split_path(std::string_view path);

class RootWalk {
 public:
  // `root` is borrowed. New directories get exactly `directory_mode`.
  [[nodiscard]] static Result<RootWalk> start(int root, unsigned directory_mode);

  [[nodiscard]] Status make_directories(std::string_view path);
  // Returns the existing or new non-directory, O_PATH.
  [[nodiscard]] Result<UniqueFd> make_file(std::string_view path, unsigned mode);
  // The directory the walk ended in.
  [[nodiscard]] UniqueFd take_directory() && { return std::move(stack_.back()); }

 private:
  explicit RootWalk(unsigned directory_mode) : directory_mode_(directory_mode) {}
  [[nodiscard]] Status enter(const std::string& name);
  [[nodiscard]] Status expand_link(int link);
  [[nodiscard]] bool step_in_place(const std::string& name);
  void plan(std::string_view path);
  [[nodiscard]] std::string next();

  unsigned directory_mode_;
  std::vector<UniqueFd> stack_;   // the directories from the root to here
  std::deque<std::string> todo_;  // components still to walk
  int links_ = 0;
};

}  // namespace nucleus::sys

#include "runtime/sys/cgroup_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "runtime/base/io.hpp"

namespace nucleus::sys {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

bool is_gone(int error) { return error == ENOENT || error == ENODEV; }

// Child cgroups are exactly the subdirectories.
Result<std::vector<std::string>> subdirectories(int dir) {
  std::vector<std::string> names;
  auto listing = open_at(dir, ".", O_RDONLY | O_DIRECTORY);
  if (!listing) {
    return is_gone(listing.error().sys_errno) ? Result<std::vector<std::string>>(names)
                                              : tl::unexpected<Error>(std::move(listing).error());
  }
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(listing->get()));
  if (!stream) {
    return fail_errno("list cgroup");
  }
  static_cast<void>(listing->release());
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") {
      names.push_back(std::move(name));
    }
    errno = 0;
  }
  return errno == 0 || is_gone(errno) ? Result<std::vector<std::string>>(std::move(names)) : fail_errno("list cgroup");
}

using Names = std::vector<std::string>;

// `after` gets the parent's descriptor and the name of each directory below `top`, when everything below that is done.
// Upwards the way is "..": a cgroup never moves to another parent.
Status walk(UniqueFd at, const std::function<Status(int dir)>& before,
            const std::function<Status(int parent, const std::string& name)>& after) {
  TRY(before(at.get()));
  std::vector<Names> levels(1);  // what is left to do of each, the one on the way last
  TRY_ASSIGN(levels.back(), subdirectories(at.get()));
  for (;;) {
    if (levels.back().empty()) {
      levels.pop_back();
      if (levels.empty()) {
        return {};
      }
      TRY_ASSIGN(at, open_at(at.get(), "..", O_RDONLY | O_DIRECTORY));
      TRY(after(at.get(), levels.back().back()));
      levels.back().pop_back();
      continue;
    }
    auto child = open_at(at.get(), levels.back().back(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!child && !is_gone(child.error().sys_errno)) {
      return tl::unexpected<Error>(std::move(child).error());
    }
    if (!child) {
      levels.back().pop_back();
      continue;
    }
    at = std::move(*child);
    TRY(before(at.get()));
    TRY_ASSIGN(Names names, subdirectories(at.get()));
    levels.push_back(std::move(names));
  }
}

Status remove_empty(int parent, const std::string& name) {
  return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || is_gone(errno) ? Status{}
                                                                               : fail_errno("remove cgroup " + name);
}

}  // namespace

Status visit_tree(int dir, const std::function<Status(int dir)>& visit) {
  TRY_ASSIGN(UniqueFd top, open_at(dir, ".", O_RDONLY | O_DIRECTORY));
  return walk(std::move(top), visit, [](int, const std::string&) { return Status{}; });
}

Status remove_tree(int parent, const std::string& name) {
  auto top = open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!top) {
    return is_gone(top.error().sys_errno) ? Status{} : Status(tl::unexpected<Error>(std::move(top).error()));
  }
  TRY(walk(
      std::move(*top), [](int) { return Status{}; }, remove_empty));
  return remove_empty(parent, name);
}

}  // namespace nucleus::sys

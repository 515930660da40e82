#include "runtime/sys/root_walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "runtime/base/io.hpp"

namespace nucleus::sys {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's MAXSYMLINKS

// The process is single-threaded while it builds a root, so its umask may be changed for a moment.
class NoUmask {
 public:
  NoUmask() : saved_(::umask(0)) {}
  ~NoUmask() { ::umask(saved_); }
  NoUmask(const NoUmask&) = delete;
  NoUmask& operator=(const NoUmask&) = delete;

 private:
  mode_t saved_;
};

Result<UniqueFd> look_at(int dir, const std::string& name) { return open_at(dir, name, O_PATH | O_NOFOLLOW); }

Result<mode_t> type_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return fail_errno("stat");
  }
  return status.st_mode & S_IFMT;
}

}  // namespace

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash != 0) {
      parts.emplace_back(path.substr(0, slash));
    }
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

Result<RootWalk> RootWalk::start(int root, unsigned directory_mode) {
  RootWalk walk(directory_mode);
  TRY_ASSIGN(UniqueFd own, open_at(root, ".", O_PATH | O_DIRECTORY));
  walk.stack_.push_back(std::move(own));
  return walk;
}

void RootWalk::plan(std::string_view path) {
  auto parts = split_path(path);
  todo_.insert(todo_.begin(), std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
}

std::string RootWalk::next() {
  std::string name = std::move(todo_.front());
  todo_.pop_front();
  return name;
}

bool RootWalk::step_in_place(const std::string& name) {
  if (name == ".." && stack_.size() > 1) {
    stack_.pop_back();
  }
  return name == "." || name == "..";
}

Status RootWalk::expand_link(int link) {
  if (++links_ > kMaxLinks) {
    return fail_errno("symbolic link", ELOOP);
  }
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
  if (length <= 0) {
    return fail_errno("read symbolic link", length < 0 ? errno : ENOENT);
  }
  if (target[0] == '/') {
    stack_.resize(1);
  }
  plan(std::string_view(target.data(), static_cast<std::size_t>(length)));
  return {};
}

Status RootWalk::enter(const std::string& name) {
  if (step_in_place(name)) {
    return {};
  }
  constexpr int kAttempts = 16;  // somebody may create or remove the name at the same time
  for (int attempt = 0;; ++attempt) {
    auto found = look_at(stack_.back().get(), name);
    if (found) {
      TRY_ASSIGN(const mode_t type, type_of(found->get()));
      if (S_ISLNK(type)) {
        return expand_link(found->get());
      }
      if (!S_ISDIR(type)) {
        return fail_errno(name, ENOTDIR);
      }
      stack_.push_back(std::move(*found));
      return {};
    }
    if (found.error().sys_errno != ENOENT || attempt == kAttempts) {
      return tl::unexpected<Error>(std::move(found).error());
    }
    const NoUmask exact;
    if (::mkdirat(stack_.back().get(), name.c_str(), directory_mode_) != 0 && errno != EEXIST) {
      return fail_errno("mkdir " + name);
    }
  }
}

Status RootWalk::make_directories(std::string_view path) {
  plan(path);
  while (!todo_.empty()) {
    TRY(enter(next()));
  }
  return {};
}

Result<UniqueFd> RootWalk::make_file(std::string_view path, unsigned mode) {
  constexpr int kAttempts = 16;
  int attempts = 0;
  plan(path);
  while (!todo_.empty()) {
    const std::string name = next();
    if (!todo_.empty()) {
      TRY(enter(name));
      continue;
    }
    if (step_in_place(name)) {
      break;
    }
    auto found = look_at(stack_.back().get(), name);
    if (found) {
      TRY_ASSIGN(const mode_t type, type_of(found->get()));
      if (S_ISDIR(type)) {
        break;
      }
      if (!S_ISLNK(type)) {
        return found;
      }
      TRY(expand_link(found->get()));
      continue;
    }
    if (found.error().sys_errno != ENOENT || ++attempts > kAttempts) {
      return found;
    }
    const NoUmask exact;
    const auto made = open_at(stack_.back().get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (!made && made.error().sys_errno != EEXIST) {
      return tl::unexpected<Error>(made.error());
    }
    plan(name);  // look at what is there now
  }
  return fail_errno(std::string(path), EISDIR);
}

}  // namespace nucleus::sys

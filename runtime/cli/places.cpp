#include "runtime/cli/places.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "runtime/base/log.hpp"
#include "runtime/base/user_namespace.hpp"

namespace nucleus::cli {
namespace {

// Engines pass variables on that are empty.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool is_users() { return ::geteuid() != 0 || in_user_namespace(); }

// A directory, not a link to one, that nobody else can put something into. Links above it are root's, or the user's who
// named the path.
bool is_own_directory(const std::string& path, mode_t forbidden) {
  struct stat info {};
  return !path.empty() && path.front() == '/' && ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
         info.st_uid == ::geteuid() && (info.st_mode & forbidden) == 0;
}

std::string place_in_tmp() { return "/tmp/nucleus-" + std::to_string(user_outside()); }

// /tmp is sticky: what is the user's own there stays theirs.
Status check_alone(const std::string& path) {
  return is_own_directory(path, S_IRWXG | S_IRWXO)
             ? Status{}
             : fail(ErrorCode::state, "state root " + path + ": is not a directory that user " +
                                          std::to_string(::geteuid()) +
                                          " alone can use; give --root or XDG_RUNTIME_DIR");
}

Result<std::string> root_in_tmp() {
  std::string path = place_in_tmp();
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0 || errno != ENOENT) {
    TRY(check_alone(path));
  }
  return path;
}

std::string below(const std::string& directory, const char* path) {
  return directory.empty() || directory.front() != '/' ? std::string() : directory + path;
}

}  // namespace

Result<std::string> default_root() {
  const std::string said = variable("XDG_RUNTIME_DIR");
  // Most calls are root's, without the variable: they do not pay for the question about namespaces.
  if (::geteuid() == 0 && (said.empty() || !in_user_namespace())) {
    return std::string("/run/nucleus");
  }
  if (is_own_directory(said, S_IWGRP | S_IWOTH)) {
    return said + "/nucleus";
  }
  if (!said.empty()) {
    log_warning("XDG_RUNTIME_DIR: " + said + " is not a directory of user " + std::to_string(::geteuid()) +
                "'s own: not used");
  }
  const std::string usual = "/run/user/" + std::to_string(user_outside());
  return is_own_directory(usual, S_IWGRP | S_IWOTH) ? usual + "/nucleus" : root_in_tmp();
}

Status prepare_root(const std::string& root) {
  if (!root.starts_with("/tmp/") || root != place_in_tmp()) {
    return {};
  }
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("state root " + root);
  }
  return check_alone(root);
}

std::string default_config() {
  std::string own = below(variable("XDG_CONFIG_HOME"), "/nucleus/nucleus.toml");
  if (own.empty()) {
    own = below(variable("HOME"), "/.config/nucleus/nucleus.toml");
  }
  if (!own.empty() && ::access(own.c_str(), F_OK) == 0 && is_users()) {
    return own;
  }
  return "/etc/nucleus/nucleus.toml";
}

}  // namespace nucleus::cli

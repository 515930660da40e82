// The state root: one directory per container, named by its id (default /run/nucleus).
//
//   <root>/<id>/state.json      Record
//   <root>/<id>/config.json     the rewritten config, what `exec` and `receipt` go by
//   <root>/<id>/confinement.json, seccomp.bpf, receipt.json
//   <root>/<id>/start.sock      exists until the program runs; `start` connects to it
//
// A directory is locked by flock(2) on its own descriptor; the kernel drops the lock when a runtime is killed.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/container_id.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/state/record.hpp"

namespace nucleus::state {

inline constexpr const char* kStartSocket = "start.sock";

// One container's open and exclusively locked state directory.
class Directory {
 public:
  Directory(UniqueFd dir, std::string path) : dir_(std::move(dir)), path_(std::move(path)) {}

  [[nodiscard]] int fd() const noexcept { return dir_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  // NotFound when state.json is missing: the creator died before it could say anything.
  [[nodiscard]] Result<Record> load() const;
  // Replaces state.json whole; `durable` waits for the disk.
  [[nodiscard]] Status save(const Record& record, bool durable = false) const;
  [[nodiscard]] Result<std::string> read(const std::string& file) const;
  [[nodiscard]] Status write(const std::string& file, std::string_view bytes) const;
  [[nodiscard]] bool has(const std::string& file) const;
  void remove(const std::string& file) const;
  // For a holder whose work is done but who has something left to do that may take its time.
  void unlock() const;

 private:
  UniqueFd dir_;
  std::string path_;
};

class Store {
 public:
  explicit Store(std::string root) : root_(std::move(root)) {}

  [[nodiscard]] const std::string& root() const noexcept { return root_; }

  // Makes the root (0711) and the container's directory (0711), locked. ErrorCode::exists when the id is taken.
  [[nodiscard]] Result<Directory> create(const ContainerId& id) const;

  // Opens and locks. ErrorCode::not_found "container does not exist". With a `limit` the wait for the lock ends after it:
  // ErrorCode::state "container ID is busy: ...".
  [[nodiscard]] Result<Directory> open(const ContainerId& id,
                                       std::optional<std::chrono::milliseconds> limit = std::nullopt) const;

  // Opens without waiting for the lock: for commands that only read.
  [[nodiscard]] Result<Directory> peek(const ContainerId& id) const;

  // Removes the directory and everything in it. The lock of `directory` is given up last.
  [[nodiscard]] Status destroy(const ContainerId& id, Directory directory) const;

  // Ids in the root, sorted. A missing root is an empty list.
  [[nodiscard]] Result<std::vector<ContainerId>> list() const;

 private:
  [[nodiscard]] Result<Directory> open_directory(const ContainerId& id) const;
  std::string root_;
};

}  // namespace nucleus::state

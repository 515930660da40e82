#include "runtime/sys/root_attest.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>

#include "runtime/base/io.hpp"
#include "runtime/sys/root_attest_node.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::sys {
namespace {

constexpr unsigned kMaxThreads = 64;
constexpr std::size_t kStack = 512 * 1024;
constexpr std::size_t kFilesAtOnce = 32;
constexpr std::size_t kNodesAtOnce = 256;
constexpr auto kProgressEvery = std::chrono::milliseconds(200);

unsigned usable_cpus() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof(set), &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1U;
}

struct OpenDirectory {
  UniqueFd fd;
  std::string path;

  [[nodiscard]] std::string below(const std::string& name) const { return path == "." ? name : path + "/" + name; }
};

// A directory, by its path from the root, or some files of one. Directories wait without a descriptor, and the newest
// task comes first, so that the number of open ones stays small however large the tree is.
struct Task {
  std::string directory;
  std::shared_ptr<const OpenDirectory> parent;
  std::vector<std::string> files;
  std::size_t recheck = 0;  // index of the first node to look at again
};

class TreeReader {
 public:
  TreeReader(int root, const TreeReadOptions& options) : root_(root), options_(options) {}

  Result<std::vector<TreeNode>> run();

 private:
  struct Worker {
    NodeReader reader;
    std::vector<SeenNode> seen;
  };

  Status pass();
  static void* thread_main(void* self);
  void work();
  bool next(Task& task);
  void add(std::vector<Task> tasks);
  void finished(const Status& status);
  Status perform(Worker& worker, const Task& task);
  Status directory(Worker& worker, const Task& task);
  Status files(Worker& worker, const Task& task) const;
  Status recheck(const Task& task) const;
  void report_until_idle();

  const int root_;
  const TreeReadOptions& options_;
  std::vector<SeenNode> nodes_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task> tasks_;
  unsigned busy_ = 0;
  std::optional<Error> error_;
  std::atomic<std::uint64_t> node_count_ = 0;
  std::atomic<std::uint64_t> byte_count_ = 0;
};

bool TreeReader::next(Task& task) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return error_ || !tasks_.empty() || busy_ == 0; });
  if (error_ || tasks_.empty()) {
    changed_.notify_all();
    return false;
  }
  task = std::move(tasks_.back());
  tasks_.pop_back();
  ++busy_;
  return true;
}

void TreeReader::add(std::vector<Task> tasks) {
  const std::lock_guard lock(mutex_);
  std::ranges::move(tasks, std::back_inserter(tasks_));
  changed_.notify_all();
}

void TreeReader::finished(const Status& status) {
  const std::lock_guard lock(mutex_);
  --busy_;
  if (!status && !error_) {
    error_ = status.error();
  }
  if (error_ || busy_ == 0) {
    changed_.notify_all();
  }
}

void TreeReader::work() {
  Worker worker{NodeReader(options_), {}};
  Task task;
  while (next(task)) {
    const std::uint64_t before = worker.reader.bytes();
    Status status = perform(worker, task);
    task = Task();  // and with it the directory's descriptor
    byte_count_ += worker.reader.bytes() - before;
    finished(status);
  }
  const std::lock_guard lock(mutex_);
  std::ranges::move(worker.seen, std::back_inserter(nodes_));
}

void* TreeReader::thread_main(void* self) {
  static_cast<TreeReader*>(self)->work();
  return nullptr;
}

Status TreeReader::perform(Worker& worker, const Task& task) {
  if (!task.directory.empty()) {
    return directory(worker, task);
  }
  return task.parent ? files(worker, task) : recheck(task);
}

Status TreeReader::directory(Worker& worker, const Task& task) {
  auto open = std::make_shared<OpenDirectory>();
  open->path = task.directory;
  DirectoryListing listing;
  TRY_ASSIGN(auto seen, worker.reader.directory(root_, task.directory, task.directory, open->fd, listing));
  worker.seen.push_back(std::move(seen));
  const std::size_t count = 1 + listing.files.size() + listing.others.size();
  if ((node_count_ += count) > options_.max_nodes) {
    return fail(ErrorCode::policy, "more than " + std::to_string(options_.max_nodes) + " files and directories");
  }
  for (const auto& name : listing.others) {
    TRY_ASSIGN(auto other, worker.reader.other(open->fd.get(), name, open->below(name)));
    worker.seen.push_back(std::move(other));
  }
  std::vector<Task> tasks;
  for (const auto& name : listing.directories) {
    tasks.push_back({open->below(name), nullptr, {}, 0});
  }
  for (std::size_t from = 0; from < listing.files.size(); from += kFilesAtOnce) {
    const auto first = listing.files.begin() + static_cast<std::ptrdiff_t>(from);
    const auto count_here = std::min(kFilesAtOnce, listing.files.size() - from);
    tasks.push_back({"", open, {first, first + static_cast<std::ptrdiff_t>(count_here)}, 0});
  }
  add(std::move(tasks));
  return {};
}

Status TreeReader::files(Worker& worker, const Task& task) const {
  for (const auto& name : task.files) {
    TRY_ASSIGN(auto seen, worker.reader.file(task.parent->fd.get(), name, task.parent->below(name)));
    worker.seen.push_back(std::move(seen));
  }
  return {};
}

Status TreeReader::recheck(const Task& task) const {
  const std::size_t end = std::min(nodes_.size(), task.recheck + kNodesAtOnce);
  for (std::size_t i = task.recheck; i < end; ++i) {
    if (!is_unchanged(root_, nodes_[i])) {
      return tree_changed(nodes_[i].node.path);
    }
  }
  return {};
}

void TreeReader::report_until_idle() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kProgressEvery, [&] { return error_ || (tasks_.empty() && busy_ == 0); })) {
    if (options_.progress) {
      lock.unlock();
      options_.progress({node_count_, byte_count_});
      lock.lock();
    }
  }
}

// A thread that was joined may not have left the thread group yet, and setns(2) and unshare(2) refuse a process that has
// more than one.
void await_single_thread() {
  constexpr int kAttempts = 20'000;
  constexpr timespec kPause = {0, 50'000};
  constexpr nlink_t kOneThread = 3;  // ".", ".." and its own
  struct stat status {};
  for (int i = 0; i < kAttempts && ::stat("/proc/self/task", &status) == 0 && status.st_nlink > kOneThread; ++i) {
    ::nanosleep(&kPause, nullptr);
  }
}

// Works off what is in tasks_.
Status TreeReader::pass() {
  const unsigned wanted = std::clamp(options_.threads != 0 ? options_.threads : usable_cpus(), 1U, kMaxThreads);
  std::vector<pthread_t> threads;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kStack);
  for (unsigned i = 0; i < wanted; ++i) {
    pthread_t thread{};
    if (::pthread_create(&thread, &attributes, thread_main, this) == 0) {
      threads.push_back(thread);
    }
  }
  ::pthread_attr_destroy(&attributes);
  if (threads.empty()) {  // no more processes for this user: then alone
    work();
  } else {
    report_until_idle();
  }
  for (const pthread_t thread : threads) {
    ::pthread_join(thread, nullptr);
  }
  await_single_thread();
  return error_ ? Status(tl::unexpected<Error>(*error_)) : Status{};
}

Result<std::vector<TreeNode>> TreeReader::run() {
  tasks_.push_back({".", nullptr, {}, 0});
  TRY(pass());
  for (std::size_t from = 0; from < nodes_.size(); from += kNodesAtOnce) {
    tasks_.push_back({"", nullptr, {}, from});
  }
  TRY(pass());
  if (options_.progress) {
    options_.progress({node_count_, byte_count_});
  }
  std::vector<TreeNode> out;
  out.reserve(nodes_.size());
  for (auto& seen : nodes_) {
    out.push_back(std::move(seen.node));
  }
  return out;
}

}  // namespace

Result<std::vector<TreeNode>> read_tree(int root, const TreeReadOptions& options) {
  TRY_ASSIGN(const UniqueFd own, open_at(root, ".", O_PATH | O_DIRECTORY));
  return TreeReader(own.get(), options).run();
}

}  // namespace nucleus::sys

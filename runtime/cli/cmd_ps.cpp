#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "runtime/base/io.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/launch/container.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"format", 'f', "table|json", "shape of the output"},
                               {"help", 'h', "", "print this text"}};

// Output of ps(1), found at fixed places: PATH may be absent or not ours.
Result<std::string> host_ps(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "ps");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail_errno("pipe");
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments) {
      argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    ::dup2(writer.get(), STDOUT_FILENO);
    ::execv("/usr/bin/ps", argv.data());
    ::execv("/bin/ps", argv.data());
    ::_exit(127);
  }
  writer.reset();
  constexpr std::size_t kLimit = 16 * 1024 * 1024;
  auto text = read_all(reader.get(), kLimit, "ps");
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) {
    return fail(ErrorCode::kernel, "ps failed");
  }
  return text;
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) {
    out.push_back(word);
  }
  return out;
}

// ps's lines for the container's pids, header included.
Result<std::string> filter(const std::string& text, const std::vector<int>& pids) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const auto header = words(line);
  const auto column = std::find(header.begin(), header.end(), "PID");
  if (column == header.end()) {
    return fail(ErrorCode::usage, "couldn't find PID field in ps output");
  }
  const auto index = static_cast<std::size_t>(column - header.begin());
  std::string out = line + "\n";
  while (std::getline(lines, line)) {
    const auto fields = words(line);
    int pid = 0;
    if (index < fields.size()) {
      std::from_chars(fields[index].data(), fields[index].data() + fields[index].size(), pid);
    }
    if (std::find(pids.begin(), pids.end(), pid) != pids.end()) {
      out += line + "\n";
    }
  }
  return out;
}

std::string json_pids(const std::vector<int>& pids) {
  if (pids.empty()) {
    return "null\n";
  }
  std::string out = "[";
  for (const int pid : pids) {
    out += (out.size() > 1 ? "," : "") + std::to_string(pid);
  }
  return out + "]\n";
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::none));
  TRY_ASSIGN(const auto pids, launch::container_processes(container));
  const std::string format = arguments.get("format", "table");
  if (format == "json") {
    TRY(print(json_pids(pids)));
    return 0;
  }
  if (format != "table") {
    return fail(ErrorCode::usage, "invalid format option");
  }
  std::vector<std::string> options(arguments.rest.begin() + 1, arguments.rest.end());
  if (options.empty()) {
    options = {"-ef"};
  }
  TRY_ASSIGN(const std::string text, host_ps(options));
  TRY_ASSIGN(const std::string shown, filter(text, pids));
  TRY(print(shown));
  return 0;
}

}  // namespace

constinit const Command kPs = {
    "ps", "<container-id> [ps options]", "list the processes of a container", kOptions, 1, -1, run};

}  // namespace nucleus::cli

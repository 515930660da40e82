#include <csignal>

#include <array>
#include <charconv>

#include "runtime/cli/command.hpp"
#include "runtime/launch/container.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"all", 'a', "", "send to every process of the container"},
                               {"help", 'h', "", "print this text"}};

struct NamedSignal {
  std::string_view name;
  int number;
};

// signal(7), x86_64; real-time signals are parsed.
constexpr std::array<NamedSignal, 34> kSignals = {
    {{"ABRT", SIGABRT},     {"ALRM", SIGALRM},   {"BUS", SIGBUS},   {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},
     {"CONT", SIGCONT},     {"FPE", SIGFPE},     {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
     {"IO", SIGIO},         {"IOT", SIGIOT},     {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},
     {"PROF", SIGPROF},     {"PWR", SIGPWR},     {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"STKFLT", SIGSTKFLT},
     {"STOP", SIGSTOP},     {"SYS", SIGSYS},     {"TERM", SIGTERM}, {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP},
     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
     {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}}};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return out;
}

bool parse_number(std::string_view text, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

// "RTMIN", "RTMIN+3", "RTMAX-2" with glibc's bounds, as every other tool counts them.
bool parse_realtime(std::string_view name, int& out) {
  int offset = 0;
  if (name == "RTMIN" || name == "RTMAX") {
    out = name == "RTMIN" ? SIGRTMIN : SIGRTMAX;
    return true;
  }
  const bool up = name.substr(0, 6) == "RTMIN+";
  if ((up || name.substr(0, 6) == "RTMAX-") && parse_number(name.substr(6), offset) && offset >= 0) {
    out = up ? SIGRTMIN + offset : SIGRTMAX - offset;
    return out >= SIGRTMIN && out <= SIGRTMAX;
  }
  return false;
}

Result<int> parse_signal(const std::string& text) {
  int number = 0;
  if (parse_number(text, number)) {
    if (number >= 0 && number <= SIGRTMAX) {
      return number;
    }
    return fail(ErrorCode::usage, "unknown signal \"" + text + "\"");
  }
  std::string name = upper(text);
  name = name.substr(0, 3) == "SIG" ? name.substr(3) : name;
  for (const NamedSignal& signal : kSignals) {
    if (signal.name == name) {
      return signal.number;
    }
  }
  if (parse_realtime(name, number)) {
    return number;
  }
  return fail(ErrorCode::usage, "unknown signal \"" + text + "\"");
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::none));
  TRY_ASSIGN(const int signal, parse_signal(arguments.rest.size() > 1 ? arguments.rest[1] : "SIGTERM"));
  TRY(launch::signal_container(container, signal, arguments.has("all")));
  return 0;
}

}  // namespace

constinit const Command kKill = {
    "kill", "<container-id> [signal]", "send a signal (default SIGTERM) to a container", kOptions, 1, 2, run};

}  // namespace nucleus::cli

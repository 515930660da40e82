#include "runtime/base/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "runtime/base/io.hpp"

namespace nucleus {
namespace {

LogConfig& config() {
  static LogConfig instance;
  return instance;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void to_stderr(std::string_view text) {
  std::string line(text);
  line += '\n';
  (void)write_all(STDERR_FILENO, line, "stderr");
}

void to_file(std::string_view text) {
  if (config().file.empty()) {
    return;
  }
  auto fd = open_at(AT_FDCWD, config().file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0644);
  if (!fd) {
    return;
  }
  std::string record;
  if (config().format == LogFormat::json) {
    record = "{\"level\":\"error\",\"msg\":" + json_quoted(text) + ",\"time\":\"" + timestamp() + "\"}\n";
  } else {
    record = "time=\"" + timestamp() + "\" level=error msg=" + json_quoted(text) + "\n";
  }
  (void)write_all(fd->get(), record, config().file);
}

}  // namespace

void configure_log(LogConfig settings) { config() = std::move(settings); }

void log_debug(std::string_view text) {
  if (config().debug) {
    to_stderr("debug: " + std::string(text));
  }
}

void log_warning(std::string_view text) { to_stderr("warning: " + std::string(text)); }

void log_fatal(std::string_view text) {
  to_stderr(text);
  to_file(text);
}

}  // namespace nucleus

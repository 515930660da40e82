#include "runtime/base/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "runtime/base/io.hpp"

namespace nucleus {
namespace {

LogConfig& config() {
  static LogConfig instance;
  return instance;
}

// Length of the well-formed UTF-8 sequence that `text` begins with (RFC 3629: no overlong forms, no surrogates, nothing
// beyond U+10FFFF), 0 when it begins with none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(0);
  std::size_t length = 0;
  if (first < 0x80) {
    length = 1;
  } else if (first >= 0xc2 && first < 0xf5) {
    length = first < 0xe0 ? 2 : (first < 0xf0 ? 3 : 4);
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
  }
  const bool wrong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0) ||
                     (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90);
  return wrong ? 0 : length;
}

// Error texts carry names and values from configs and from the kernel: any bytes. Each byte that belongs to no UTF-8
// sequence becomes U+FFFD.
std::string well_formed(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : well_formed(text)) {
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

// One line that no terminal obeys: names in error texts are the image's and the caller's.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += c == '\n' ? "\\n" : escape;
    } else {
      out += c;
    }
  }
  return out;
}

void to_stderr(std::string_view text) {
  std::string line = printable(text);
  line += '\n';
  (void)write_all(STDERR_FILENO, line, "stderr");
}

void to_file(std::string_view text) {
  if (config().file.empty()) {
    return;
  }
  // A FIFO that nobody reads must not hold up the error.
  auto fd = open_at(AT_FDCWD, config().file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK, 0644);
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

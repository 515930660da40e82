// Diagnostics. The rule engines rely on: silence on success, and at most one JSON object in the --log file, written
// only for the fatal error (podman parses the whole file as one document). Warnings go to stderr alone.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus {

enum class LogFormat : std::uint8_t { text, json };

struct LogConfig {
  std::string file;  // empty: no log file
  LogFormat format = LogFormat::text;
  bool debug = false;
};

void configure_log(LogConfig config);
void log_debug(std::string_view text);
void log_warning(std::string_view text);

// The fatal error: the bare message on stderr (go-runc matches it there) and one record in the log file.
void log_fatal(std::string_view text);

}  // namespace nucleus

#include "hardening/trace_record.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "hardening/json_text.hpp"
#include "oci/strict_json.hpp"

namespace nucleus::hardening {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kVerdicts = {"allowed", "denied", "learned"};
constexpr std::size_t kMostText = 256;
constexpr std::uint64_t kMostErrno = 4095;
constexpr std::uint64_t kMostNumber = 0x7fffffff;

std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  return json_text(out);
}

// One line of the file and what is known of its place.
class Line {
 public:
  Line(std::string_view text, std::string_view file, std::size_t number) : text_(text), file_(file), number_(number) {}

  Status open() {
    if (const Status gate = oci::check_strict_json(text_, ""); !gate) {
      return renumbered(gate.error().text);
    }
    document_ = json::parse(text_, nullptr, false);
    return document_.is_object() ? Status{} : wrong("", "expected an object");
  }

  [[nodiscard]] bool has(const char* key) const { return document_.contains(key); }
  [[nodiscard]] const json& at(const char* key) const { return document_.at(key); }

  Status only(std::initializer_list<const char*> keys) const {
    for (const auto& [key, value] : document_.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        return wrong(key, "unknown key " + json_text(key));
      }
    }
    return {};
  }

  Result<std::string> text(const char* key) const {
    if (!has(key) || !at(key).is_string() || at(key).get_ref<const std::string&>().size() > kMostText) {
      return wrong(key, std::string(key) + ": expected a string of at most " + std::to_string(kMostText) + " bytes");
    }
    return at(key).get<std::string>();
  }

  Result<std::uint64_t> number(const json& in, const char* key, std::uint64_t most) const {
    if (!in.contains(key) || !in.at(key).is_number_unsigned() || in.at(key).get<std::uint64_t>() > most) {
      return wrong(key, std::string(key) + ": expected a number up to " + std::to_string(most));
    }
    return in.at(key).get<std::uint64_t>();
  }
  Result<std::uint64_t> number(const char* key, std::uint64_t most) const { return number(document_, key, most); }

  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view key, const std::string& what) const {
    const std::size_t at = key.empty() ? 0 : text_.find(json_text(key));
    return fail(ErrorCode::invalid_config, std::string(file_) + ":" + std::to_string(number_) + ":" +
                                               std::to_string(at == std::string_view::npos ? 1 : at + 1) + ": " + what);
  }

 private:
  // ":1:COLUMN: what" of a text that is one line.
  [[nodiscard]] tl::unexpected<Error> renumbered(const std::string& error) const {
    const std::size_t column = error.find(':', 1);
    return fail(ErrorCode::invalid_config, std::string(file_) + ":" + std::to_string(number_) +
                                               (column == std::string::npos ? ": " + error : error.substr(column)));
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t number_;
  json document_;
};

Status read_args(const Line& line, TraceRecord& record) {
  if (!line.has("args")) {
    return {};
  }
  const json& list = line.at("args");
  if (!list.is_array() || list.empty() || list.size() > kTraceArgs) {
    return line.wrong("args", "args: expected one to " + std::to_string(kTraceArgs) + " arguments");
  }
  for (const json& item : list) {
    if (!item.is_object() || item.size() != 3) {
      return line.wrong("args", "args: expected index, mask and value");
    }
    TraceArg arg;
    TRY_ASSIGN(const auto index, line.number(item, "index", kSyscallArgs - 1));
    TRY_ASSIGN(arg.mask, line.number(item, "mask", ~std::uint64_t{0}));
    TRY_ASSIGN(arg.value, line.number(item, "value", ~std::uint64_t{0}));
    arg.index = static_cast<std::uint32_t>(index);
    if ((arg.value & ~arg.mask) != 0 || arg.mask == 0) {
      return line.wrong("value", "args: the value has bits outside of the mask");
    }
    if (!record.args.empty() && record.args.back().index >= arg.index) {
      return line.wrong("args", "args: expected in the order of their index");
    }
    record.args.push_back(arg);
  }
  return {};
}

Status read_verdict(const Line& line, TraceRecord& record) {
  TRY_ASSIGN(const std::string verdict, line.text("verdict"));
  const auto* const known = std::find(kVerdicts.begin(), kVerdicts.end(), verdict);
  if (known == kVerdicts.end()) {
    return line.wrong("verdict", "verdict: expected allowed, denied or learned, got " + json_text(verdict));
  }
  record.verdict = static_cast<TraceVerdict>(known - kVerdicts.begin());
  if (record.verdict == TraceVerdict::allowed) {
    return line.has("errno") ? line.wrong("errno", "errno: an allowed call has none") : Status{};
  }
  TRY_ASSIGN(const auto number, line.number("errno", kMostErrno));
  record.sys_errno = static_cast<std::uint16_t>(number);
  return {};
}

Result<TraceRecord> read_record(const Line& line) {
  TRY(line.only({"syscall", "nr", "args", "count", "first", "last", "verdict", "errno"}));
  TraceRecord record;
  TRY_ASSIGN(record.syscall, line.text("syscall"));
  TRY_ASSIGN(const auto nr, line.number("nr", kMostNumber));
  record.nr = static_cast<std::int32_t>(nr);
  TRY(read_args(line, record));
  TRY_ASSIGN(record.count, line.number("count", ~std::uint64_t{0}));
  TRY_ASSIGN(record.first, line.text("first"));
  TRY_ASSIGN(record.last, line.text("last"));
  TRY(read_verdict(line, record));
  return record;
}

Status read_head(const Line& line, Trace& trace) {
  TRY(line.only({"trace", "container", "policy", "digest"}));
  TRY_ASSIGN(const auto version, line.number("trace", kMostNumber));
  if (version != 1) {
    return line.wrong("trace", "trace: this version reads 1, not " + std::to_string(version));
  }
  TRY_ASSIGN(trace.container, line.text("container"));
  TRY_ASSIGN(trace.policy, line.text("policy"));
  TRY_ASSIGN(trace.digest, line.text("digest"));
  return {};
}

Status read_end(const Line& line, Trace& trace) {
  TRY(line.only({"end", "lost"}));
  if (!line.at("end").is_boolean() || !line.at("end").get<bool>()) {
    return line.wrong("end", "end: expected true");
  }
  TRY_ASSIGN(trace.lost, line.number("lost", ~std::uint64_t{0}));
  trace.complete = true;
  return {};
}

Status read_line(const Line& line, std::size_t number, Trace& trace) {
  if (number == 1) {
    return read_head(line, trace);
  }
  if (trace.complete) {
    return line.wrong("", "expected nothing after the line that ends the trace");
  }
  if (line.has("end")) {
    return read_end(line, trace);
  }
  if (trace.records.size() == kTraceRecords) {
    return line.wrong("", "more than " + std::to_string(kTraceRecords) + " records");
  }
  TRY_ASSIGN(auto record, read_record(line));
  trace.records.push_back(std::move(record));
  return {};
}

}  // namespace

std::string trace_head(const Trace& trace) {
  return "{\"trace\":1,\"container\":" + plain(trace.container) + ",\"policy\":" + plain(trace.policy) +
         ",\"digest\":" + plain(trace.digest) + "}\n";
}

std::string trace_line(const TraceRecord& record) {
  std::string out = "{\"syscall\":" + plain(record.syscall) + ",\"nr\":" + std::to_string(record.nr);
  for (std::size_t i = 0; i < record.args.size(); ++i) {
    const TraceArg& arg = record.args[i];
    out += i == 0 ? ",\"args\":[" : ",";
    out += "{\"index\":" + std::to_string(arg.index) + ",\"mask\":" + std::to_string(arg.mask) +
           ",\"value\":" + std::to_string(arg.value) + "}";
  }
  out += record.args.empty() ? "" : "]";
  out += ",\"count\":" + std::to_string(record.count) + ",\"first\":" + plain(record.first) +
         ",\"last\":" + plain(record.last) + ",\"verdict\":\"";
  out += kVerdicts[static_cast<std::size_t>(record.verdict)];
  out += record.verdict == TraceVerdict::allowed ? "\"}\n" : "\",\"errno\":" + std::to_string(record.sys_errno) + "}\n";
  return out;
}

std::string trace_end(std::uint64_t lost) { return "{\"end\":true,\"lost\":" + std::to_string(lost) + "}\n"; }

std::string to_text(const Trace& trace) {
  std::string out = trace_head(trace);
  for (const TraceRecord& record : trace.records) {
    out += trace_line(record);
  }
  return out + (trace.complete ? trace_end(trace.lost) : "");
}

std::string allowing_entry(const TraceRecord& record) {
  std::string out = "{\"names\": [" + plain(record.syscall) + "], \"action\": \"SCMP_ACT_ALLOW\"";
  for (std::size_t i = 0; i < record.args.size(); ++i) {
    const TraceArg& arg = record.args[i];
    out += i == 0 ? ", \"args\": [" : ", ";
    out += "{\"index\": " + std::to_string(arg.index) + ", \"value\": " + std::to_string(arg.mask) +
           ", \"valueTwo\": " + std::to_string(arg.value) + ", \"op\": \"SCMP_CMP_MASKED_EQ\"}";
  }
  return out + (record.args.empty() ? "}" : "]}");
}

std::string describe(const TraceRecord& record) {
  const std::string what = record.verdict == TraceVerdict::learned ? "let through " : "denied ";
  return what + std::to_string(record.count) + (record.count == 1 ? " time" : " times") + ", last of " +
         plain(record.last) + ", errno " + std::to_string(record.sys_errno) + "; allowed by the entry " +
         allowing_entry(record) + " in seccomp.json";
}

Result<Trace> parse_trace(std::string_view text, std::string_view file) {
  if (text.size() > kTraceFileLimit) {
    return fail(ErrorCode::invalid_config, std::string(file) + ": larger than any trace");
  }
  Trace trace;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t length = text.find('\n');
    Line line(text.substr(0, length), file, number);
    if (length == std::string_view::npos) {
      return line.wrong("", "expected the line to end");
    }
    TRY(line.open());
    TRY(read_line(line, number, trace));
    text.remove_prefix(length + 1);
  }
  return number == 0 ? Result<Trace>(fail(ErrorCode::invalid_config, std::string(file) + ":1:1: no trace")) : trace;
}

}  // namespace nucleus::hardening

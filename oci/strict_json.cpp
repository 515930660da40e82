#include "oci/strict_json.hpp"

#include <yajl/yajl_parse.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "oci/quote.hpp"
#include "oci/text_scan.hpp"

namespace nucleus::oci {
namespace {

struct YajlFree {
  void operator()(yajl_handle parser) const { yajl_free(parser); }
};
using Parser = std::unique_ptr<yajl_handle_t, YajlFree>;

struct Key {
  std::string_view text;
  std::size_t end = 0;  // offset just past the closing quote
};

// What the callbacks build up: the keys of all open objects, innermost last, and the first fault.
class Gate {
 public:
  Gate(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  void attach(yajl_handle parser) { parser_ = parser; }
  [[nodiscard]] std::size_t offset() const { return yajl_get_bytes_consumed(parser_); }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] std::size_t fault_offset() const { return fault_offset_; }

  bool open() {
    if (opened_.size() >= limits_.depth) {
      return refuse(offset() - 1, "nested deeper than " + std::to_string(limits_.depth) + " levels");
    }
    opened_.push_back(keys_.size());
    return true;
  }

  void add_key(std::string_view key) {
    // A key with escapes lives in a buffer that yajl reuses.
    keys_.push_back({in_text(key) ? key : std::string_view(decoded_.emplace_back(key)), offset()});
  }

  // Sorting the finished object's keys costs n log n whatever the keys are; a hash table could be made to collide.
  bool close() {
    const auto first = keys_.begin() + static_cast<std::ptrdiff_t>(opened_.back());
    std::sort(first, keys_.end(),
              [](const Key& a, const Key& b) { return a.text != b.text ? a.text < b.text : a.end < b.end; });
    const Key* duplicate = nullptr;
    for (auto it = first; it != keys_.end(); ++it) {
      if (it != first && it->text == (it - 1)->text && (duplicate == nullptr || it->end < duplicate->end)) {
        duplicate = &*it;
      }
    }
    if (duplicate != nullptr) {
      return refuse(key_start(duplicate->end), "duplicate key " + quote(duplicate->text));
    }
    keys_.erase(first, keys_.end());
    opened_.pop_back();
    end_value(offset());
    return true;
  }

  // Called when a value is complete, with the offset just past it.
  void end_value(std::size_t end) {
    if (opened_.empty()) {
      document_end_ = end;
    }
  }

  // Ours instead of yajl's: that one takes an unfinished token behind the document (`{} "`) for its end.
  bool check_rest() {
    const std::size_t garbage = text_.find_first_not_of(" \t\r\n", document_end_);
    return garbage == std::string_view::npos || refuse(garbage, "trailing garbage");
  }

  // Digits alone overflow a double only from the 310th on. A number that ends the text comes from yajl's buffer.
  bool add_number(std::string_view digits) {
    const std::size_t end =
        in_text(digits) ? static_cast<std::size_t>(digits.data() - text_.data()) + digits.size() : text_.size();
    end_value(end);
    const bool plain = digits.size() < 300 && digits.find_first_of("eE") == std::string_view::npos;
    return plain || std::isfinite(std::strtod(std::string(digits).c_str(), nullptr)) ||
           refuse(end - digits.size(), "number out of range");
  }

 private:
  bool refuse(std::size_t offset, std::string what) {
    fault_offset_ = offset;
    fault_ = std::move(what);
    return false;
  }

  [[nodiscard]] bool in_text(std::string_view token) const {
    return token.data() >= text_.data() && token.data() + token.size() <= text_.data() + text_.size();
  }

  // Quotes inside a key are escaped, so the opening one is the first, going back, with no backslash before it.
  [[nodiscard]] std::size_t key_start(std::size_t end) const {
    std::size_t at = end - 1;
    do {
      --at;
    } while (at > 0 && (text_[at] != '"' || text_[at - 1] == '\\'));
    return at;
  }

  std::string_view text_;
  JsonLimits limits_;
  yajl_handle parser_ = nullptr;
  std::vector<Key> keys_;
  std::vector<std::size_t> opened_;  // per open object or list: where its keys start in keys_
  std::deque<std::string> decoded_;
  std::size_t document_end_ = 0;
  std::string fault_;
  std::size_t fault_offset_ = 0;
};

std::string_view view(const unsigned char* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

int on_open(void* gate) { return static_cast<Gate*>(gate)->open() ? 1 : 0; }
int on_close(void* gate) { return static_cast<Gate*>(gate)->close() ? 1 : 0; }
int on_key(void* gate, const unsigned char* key, std::size_t size) {
  static_cast<Gate*>(gate)->add_key(view(key, size));
  return 1;
}
int on_number(void* gate, const char* digits, std::size_t size) {
  return static_cast<Gate*>(gate)->add_number({digits, size}) ? 1 : 0;
}

int on_scalar(void* context) {
  auto& gate = *static_cast<Gate*>(context);
  gate.end_value(gate.offset());
  return 1;
}
int on_boolean(void* gate, int) { return on_scalar(gate); }
int on_string(void* gate, const unsigned char*, std::size_t) { return on_scalar(gate); }

constexpr yajl_callbacks kCallbacks = {on_scalar, on_boolean, nullptr,  nullptr, on_number, on_string,
                                       on_open,   on_key,     on_close, on_open, on_close};

auto fail_at(std::string_view file, std::string_view text, std::size_t offset, std::string_view what) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return fail(ErrorCode::invalid_config,
              std::string(file) + ':' + std::to_string(line) + ':' + std::to_string(column) + ": " + std::string(what));
}

std::string lexer_message(yajl_handle parser) {
  unsigned char* const raw = yajl_get_error(parser, 0, nullptr, 0);
  std::string message = reinterpret_cast<const char*>(raw);
  yajl_free_error(parser, raw);
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) {
    message.pop_back();
  }
  return message;
}

}  // namespace

Status check_strict_json(std::string_view text, std::string_view file, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return fail(ErrorCode::invalid_config,
                std::string(file) + ": larger than " + std::to_string(limits.bytes) + " bytes");
  }
  if (const auto fault = scan_json_text(text)) {
    return fail_at(file, text, fault->offset, fault->what);
  }
  Gate gate(text, limits);
  const Parser parser(yajl_alloc(&kCallbacks, nullptr, &gate));
  yajl_config(parser.get(), yajl_allow_trailing_garbage, 1);
  gate.attach(parser.get());
  yajl_status status = yajl_parse(parser.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  const std::size_t stopped = gate.offset();
  const bool at_end = status == yajl_status_ok;
  if (at_end) {
    status = yajl_complete_parse(parser.get());
  }
  if (status == yajl_status_ok) {
    gate.check_rest();
  }
  if (!gate.fault().empty()) {
    return fail_at(file, text, gate.fault_offset(), gate.fault());
  }
  if (status != yajl_status_ok) {
    // yajl stops just past the offending byte or token.
    return fail_at(file, text, at_end ? text.size() : std::max<std::size_t>(stopped, 1) - 1,
                   lexer_message(parser.get()));
  }
  return {};
}

}  // namespace nucleus::oci

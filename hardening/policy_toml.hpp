// TOML documents read key by key, so that a key nobody asked for is an error. toml++ stays inside the .cpp file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct TomlText {
  std::string value;
  std::string place;  // "policy.toml:4:11"
};

// A table. Copies share the document. All errors are ErrorCode::invalid_config and start with file:line:column.
class TomlTable {
 public:
  [[nodiscard]] static Result<TomlTable> parse(std::string_view bytes, std::string_view file);

  // Absent keys give nullopt or an empty list; a value of another type is an error.
  [[nodiscard]] Result<std::optional<TomlText>> text(std::string_view key);
  [[nodiscard]] Result<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t least,
                                                            std::int64_t most);
  [[nodiscard]] Result<std::optional<bool>> boolean(std::string_view key);
  [[nodiscard]] Result<std::vector<TomlText>> texts(std::string_view key);
  [[nodiscard]] Result<std::optional<TomlTable>> table(std::string_view key);
  [[nodiscard]] Result<std::vector<TomlTable>> tables(std::string_view key);  // [[key]]

  // Error naming the first key that was not asked for above.
  [[nodiscard]] Status refuse_unknown() const;
  [[nodiscard]] std::string place() const;  // where the table begins

 private:
  struct Node;
  explicit TomlTable(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  std::shared_ptr<Node> node_;
};

// The error at a place that a TomlText or TomlTable gave.
[[nodiscard]] tl::unexpected<Error> fail_at(const std::string& place, const std::string& what);

}  // namespace nucleus::hardening

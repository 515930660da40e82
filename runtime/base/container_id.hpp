// A validated container id: what may become a directory name, a cgroup name and a table name.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus {

class ContainerId {
 public:
  // Letters, digits and `_+-.`, not `.` or `..`, no `/`; error text is runc's "invalid container ID format".
  [[nodiscard]] static Result<ContainerId> parse(std::string_view text);

  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  bool operator==(const ContainerId&) const = default;

 private:
  explicit ContainerId(std::string_view text) : text_(text) {}
  std::string text_;
};

}  // namespace nucleus

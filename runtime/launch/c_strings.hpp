// argv and envp for execve(2).
#pragma once

#include <string>
#include <vector>

namespace nucleus::launch {

// Pointers into `strings`, which must outlive them, and the null at the end.
[[nodiscard]] inline std::vector<char*> c_strings(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const auto& text : strings) {
    out.push_back(const_cast<char*>(text.c_str()));
  }
  out.push_back(nullptr);
  return out;
}

}  // namespace nucleus::launch

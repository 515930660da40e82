// Paths as text: what a name means when no symlink is involved.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nucleus::hardening {

// Without empty, "." and ".." components; "/.." is "/". A relative path keeps the ".." that lead out of it.
[[nodiscard]] inline std::string normal_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size() < path.size() ? part.size() + 1 : part.size());
    if (part.empty() || part == ".") {
      continue;
    }
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!absolute) {
      parts.push_back(part);
    }
  }
  std::string out = absolute ? "/" : "";
  for (const auto part : parts) {
    out += out.empty() || out == "/" ? "" : "/";
    out += part;
  }
  return out;
}

// Both normal. "/" holds everything.
[[nodiscard]] inline bool at_or_below(std::string_view path, std::string_view tree) {
  return path == tree || tree == "/" || (path.starts_with(tree) && path[tree.size()] == '/');
}

// "/usr" of "/usr/local/lib"; "/" of "/". Normal and absolute.
[[nodiscard]] inline std::string top_directory(std::string_view path) {
  return std::string(path.substr(0, path.find('/', 1)));
}

}  // namespace nucleus::hardening

// Semantic checks of a decoded Spec: a list of small named checks, each tied to a sentence of the runtime-spec.
#pragma once

#include <span>
#include <string_view>

#include "oci/spec.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::oci {

struct Check {
  std::string_view name;    // "process.cwd", "mounts.destination" ...
  std::string_view source;  // "config.md#process"
  Status (*run)(const Spec&);
};

// In the order they run; the first failure wins.
[[nodiscard]] std::span<const Check> spec_checks();

// Runs all checks. Errors name the JSON path: `process.cwd: must be an absolute path, got "tmp"`.
[[nodiscard]] Status validate(const Spec& spec);

// The subset that applies to a process file given to `exec --process`.
[[nodiscard]] Status validate(const Process& process);

// The subset that applies to `update --resources`, and to a seccomp profile of its own (a policy's). Paths in errors
// are those the value has in a config.json.
[[nodiscard]] Status validate(const Resources& resources);
[[nodiscard]] Status validate(const Seccomp& seccomp);

}  // namespace nucleus::oci

// JSON documents of the runtime-spec: the strict gate, decoding to typed data, and encoding back without loss.
#pragma once

#include <string>
#include <string_view>

#include "oci/spec.hpp"
#include "oci/strict_json.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::oci {

// Gate + decode. A wrong type or range is an error with the JSON path: `config.json: process.args[1]: expected string,
// got number`. Unknown members land in `extra`; null means absent, except as an element of a list or map, where it is an
// error. A member that Go's decoder would take for a known one (`Process`, `PROCESS`) is refused: Go ignores case, so
// policy and runsc would see different documents. No semantic validation (see validate.hpp).
[[nodiscard]] Result<Spec> parse_spec(std::string_view text, std::string_view file);
[[nodiscard]] Result<Process> parse_process(std::string_view text, std::string_view file);
[[nodiscard]] Result<Seccomp> parse_seccomp(std::string_view text, std::string_view file);
[[nodiscard]] Result<Resources> parse_resources(std::string_view text, std::string_view file);

// Encodes every member that is set; required members always. `indent` < 0 gives one line.
[[nodiscard]] std::string to_json(const Spec& spec, int indent = -1);
[[nodiscard]] std::string to_json(const Process& process, int indent = -1);
[[nodiscard]] std::string to_json(const Seccomp& seccomp, int indent = -1);
[[nodiscard]] std::string to_json(const Resources& resources, int indent = -1);

// The document `original` (which must have passed parse_spec) with `now`'s values put in: subtrees whose decoded value
// did not change keep their original bytes' meaning (nulls, empty lists, unknown members), so that
// parse_spec(rewrite(text, s)) == s for every s, and rewrite(text, parse_spec(text)) is text's own document.
[[nodiscard]] std::string rewrite_document(std::string_view original, const Spec& now, int indent = -1);

// RFC 6902 patch that turns the document `before` into the document `after`.
[[nodiscard]] std::string json_patch(std::string_view before, std::string_view after, int indent = -1);

}  // namespace nucleus::oci

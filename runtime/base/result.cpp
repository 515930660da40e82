#include "runtime/base/result.hpp"

#include <cerrno>
#include <cstring>

namespace nucleus {

tl::unexpected<Error> fail_errno(std::string what, int err) {
  std::string reason = std::strerror(err);
  // "Input/output error" becomes "input/output error"; "RFS specific error" and the like stay.
  if (reason.size() > 1 && reason[0] >= 'A' && reason[0] <= 'Z' && reason[1] >= 'a' && reason[1] <= 'z') {
    reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  }
  return tl::unexpected<Error>(Error{ErrorCode::kernel, err, std::move(what) + ": " + reason});
}

tl::unexpected<Error> fail_errno(std::string what) { return fail_errno(std::move(what), errno); }

}  // namespace nucleus

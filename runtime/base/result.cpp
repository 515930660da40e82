#include "runtime/base/result.hpp"

#include <cerrno>

namespace nucleus {

tl::unexpected<Error> fail_errno(std::string what) { return fail_errno(std::move(what), errno); }

}  // namespace nucleus

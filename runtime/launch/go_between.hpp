// A child made by a process that lives only for that: it enters namespaces that its maker must stay out of.
#pragma once

#include <functional>

#include "runtime/base/result.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::launch {

// Clones a go-between, which calls `enter` (it may change the arguments) and then clones the real child as its own
// sibling; in that child `child` is called and must not return. The go-between has ended when this returns.
[[nodiscard]] Result<sys::Child> clone_through_go_between(const sys::CloneArgs& args,
                                                          const std::function<Status(sys::CloneArgs&)>& enter,
                                                          const std::function<void()>& child);

}  // namespace nucleus::launch

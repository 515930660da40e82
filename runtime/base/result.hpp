// Errors as values. No function of ours throws: after a fork a throw would unwind the parent's rollback guards
// inside the child. Only members that std::expected also has are used, so the alias can move to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace nucleus {

enum class ErrorCode : std::uint8_t {
  usage,           // the command line is wrong
  invalid_config,  // config.json, process.json or a policy file is wrong
  policy,          // a request that the policy does not grant
  not_found,       // no such container
  exists,          // the container id is taken
  state,           // the container's status does not allow the operation
  kernel,          // a system call failed; sys_errno says how
  internal,        // a broken invariant of ours
};

// One failure. `text` is a single line for people, outermost context first.
struct Error {
  ErrorCode code = ErrorCode::internal;
  int sys_errno = 0;  // 0 when no system call is to blame
  std::string text;

  // Prepends "context: ".
  [[nodiscard]] Error with(std::string_view context) && {
    text.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string text) {
  return tl::unexpected<Error>(Error{code, 0, std::move(text)});
}

// "what: no such file or directory": strerror's text as Go spells it (small first letter), which engines match on.
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string what, int err);

// As above for the calling thread's errno.
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string what);

}  // namespace nucleus

#define NUCLEUS_CAT_(a, b) a##b
#define NUCLEUS_CAT(a, b) NUCLEUS_CAT_(a, b)

// Returns from the enclosing function with the error of `expr`, if it has one.
#define TRY(expr)                                                             \
  do {                                                                        \
    if (auto try_status = (expr); !try_status) {                              \
      return tl::unexpected<::nucleus::Error>(std::move(try_status).error()); \
    }                                                                         \
  } while (false)

// `TRY_ASSIGN(auto fd, open_it());` binds the value or returns the error.
#define TRY_ASSIGN(decl, expr) TRY_ASSIGN_(NUCLEUS_CAT(try_result_, __LINE__), decl, expr)
#define TRY_ASSIGN_(tmp, decl, expr)                                 \
  auto tmp = (expr);                                                 \
  if (!tmp) {                                                        \
    return tl::unexpected<::nucleus::Error>(std::move(tmp).error()); \
  }                                                                  \
  decl = std::move(*tmp)

// As TRY, with "context: " put before the error's text.
#define TRY_WITH(expr, context)                                                             \
  do {                                                                                      \
    if (auto try_status = (expr); !try_status) {                                            \
      return tl::unexpected<::nucleus::Error>(std::move(try_status).error().with(context)); \
    }                                                                                       \
  } while (false)

#include "runtime/cli/command.hpp"

#include <unistd.h>

#include "runtime/base/io.hpp"

namespace nucleus::cli {

Result<ContainerId> container_id(const Arguments& arguments) { return ContainerId::parse(arguments.rest.front()); }

Status print(std::string_view text) { return write_all(STDOUT_FILENO, text, "stdout"); }

}  // namespace nucleus::cli

#include <fcntl.h>

#include "oci/documents.hpp"
#include "runtime/base/io.hpp"
#include "runtime/cli/command.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"bundle", 'b', "DIR", "where to write config.json (default: the working directory)"},
                               {"rootless", 0, "", "a config that needs no root"},
                               {"help", 'h', "", "print this text"}};

Result<int> run(const Globals&, const Arguments& arguments) {
  const std::string path = arguments.get("bundle", ".") + "/config.json";
  auto file = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
  if (!file) {
    if (file.error().sys_errno == EEXIST) {
      return fail(ErrorCode::usage, "File config.json exists. Remove it first");
    }
    return tl::unexpected<Error>(std::move(file).error());
  }
  TRY(write_all(file->get(), oci::default_config_json(arguments.has("rootless")), path));
  return 0;
}

}  // namespace

constinit const Command kSpec = {"spec", "", "write a config.json to start from", kOptions, 0, 0, run};

}  // namespace nucleus::cli

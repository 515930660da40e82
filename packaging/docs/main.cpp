// nucleus-docs: prints a manual page or a shell's completion, made from its source and the runtime's tables.
#include <fcntl.h>
#include <unistd.h>

#include <span>

#include "packaging/docs/docs.hpp"
#include "runtime/base/io.hpp"

namespace nucleus::docs {
namespace {

constexpr std::size_t kSourceLimit = 1024 * 1024;

Result<std::string> make(std::span<char*> words) {
  const std::string_view kind = words.size() == 3 ? words[1] : "";
  if (kind != "man" && kind != "bash" && kind != "zsh" && kind != "fish") {
    return fail(ErrorCode::usage, "usage: nucleus-docs man|bash|zsh|fish SOURCE");
  }
  TRY_ASSIGN(std::string source, read_file(AT_FDCWD, words[2], kSourceLimit));
  if (kind == "man") {
    return manual_page(source).map_error([&](Error error) { return std::move(error).with(words[2]); });
  }
  return kind == "bash"  ? bash_completion(std::move(source))
         : kind == "zsh" ? zsh_completion(std::move(source))
                         : fish_completion(std::move(source));
}

int run(std::span<char*> words) {
  const auto text = make(words);
  if (!text) {
    (void)write_all(STDERR_FILENO, "nucleus-docs: " + text.error().text + "\n", "stderr");
    return 1;
  }
  return write_all(STDOUT_FILENO, *text, "stdout") ? 0 : 1;
}

}  // namespace
}  // namespace nucleus::docs

int main(int argc, char** argv) { return nucleus::docs::run({argv, static_cast<std::size_t>(argc)}); }

#include "runtime/state/process_state.hpp"

#include <nlohmann/json.hpp>

namespace nucleus::state {

std::string process_state_json(int pid, const std::string& metadata, const std::string& container_state) {
  using nlohmann::ordered_json;
  const ordered_json doc = {{"ociVersion", "1.3.0"},
                            {"fds", {"seccompFd"}},
                            {"pid", pid},
                            {"metadata", metadata},
                            {"state", ordered_json::parse(container_state, nullptr, false)}};
  return doc.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace nucleus::state

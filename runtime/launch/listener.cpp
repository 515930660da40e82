#include "runtime/launch/listener.hpp"

#include "oci/document.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/state/process_state.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::launch {

Status hand_over_listener(const Container& container, UniqueFd listener) {
  TRY_ASSIGN(const oci::Spec spec, load_executed_spec(container.directory));
  if (!spec.linux.seccomp || spec.linux.seccomp->listener_path.empty()) {
    return fail(ErrorCode::invalid_config, "linux.seccomp: SCMP_ACT_NOTIFY needs a listenerPath");
  }
  const std::string container_state = hook_state(container.record, "creating", container.record.pid);
  const std::string document =
      state::process_state_json(container.record.pid, spec.linux.seccomp->listener_metadata, container_state);
  TRY_ASSIGN(const UniqueFd agent, sys::connect_to(spec.linux.seccomp->listener_path, sys::SocketType::stream));
  const int fd = listener.get();
  return sys::send_message(agent.get(), document, std::span<const int>(&fd, 1));
}

}  // namespace nucleus::launch

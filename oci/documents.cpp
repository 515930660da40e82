#include "oci/documents.hpp"

#include "oci/json.hpp"

namespace nucleus::oci {
namespace {

using Ordered = nlohmann::ordered_json;

}  // namespace

std::string to_json(const StateDocument& state, int indent) {
  Ordered out;
  out["ociVersion"] = state.oci_version;
  out["id"] = state.id;
  out["pid"] = state.pid;
  out["status"] = state.status;
  out["bundle"] = state.bundle;
  out["rootfs"] = state.rootfs;
  out["created"] = state.created;
  if (!state.annotations.empty()) {
    out["annotations"] = Json(state.annotations);
  }
  out["owner"] = state.owner;
  return dump(out, indent);
}

std::string hook_state_json(const StateDocument& state) {
  Ordered out;
  out["ociVersion"] = state.oci_version;
  out["id"] = state.id;
  out["status"] = state.status;
  if (state.pid != 0) {
    out["pid"] = state.pid;
  }
  out["bundle"] = state.bundle;
  if (!state.annotations.empty()) {
    out["annotations"] = Json(state.annotations);
  }
  return dump(out);
}

}  // namespace nucleus::oci

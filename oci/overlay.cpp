#include "oci/overlay.hpp"

#include "oci/decode_spec.hpp"
#include "oci/document.hpp"
#include "oci/fields_linux.hpp"
#include "oci/fields_resources.hpp"
#include "oci/fields_spec.hpp"

namespace nucleus::oci {

std::string rewrite_document(std::string_view original, const Spec& now, int indent) {
  Json document = Json::parse(original, nullptr, false);
  Spec before;
  if (document.is_discarded() || !decode_spec(document, before)) {
    return to_json(now, indent);
  }
  overlay(document, before, now);
  return dump(document, indent);
}

}  // namespace nucleus::oci

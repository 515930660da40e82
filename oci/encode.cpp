#include "oci/encode.hpp"

#include "oci/document.hpp"
#include "oci/fields_linux.hpp"
#include "oci/fields_resources.hpp"
#include "oci/fields_spec.hpp"

namespace nucleus::oci {

std::string to_json(const Spec& spec, int indent) { return dump(encode(spec), indent); }

std::string to_json(const Process& process, int indent) { return dump(encode(process), indent); }

std::string to_json(const Seccomp& seccomp, int indent) { return dump(encode(seccomp), indent); }

std::string to_json(const Resources& resources, int indent) { return dump(encode(resources), indent); }

}  // namespace nucleus::oci

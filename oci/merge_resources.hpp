// linux.resources after an `update`.
#pragma once

#include "oci/spec_linux.hpp"

namespace nucleus::oci {

// Lays what `change` sets over `base`. Not set, as engines write it: absent, an empty string or list, and 0 where the
// kernel has no use for it (limits of memory, processes, CPU time and weights). Lists are replaced, maps extended.
void merge_resources(Resources& base, const Resources& change);

}  // namespace nucleus::oci

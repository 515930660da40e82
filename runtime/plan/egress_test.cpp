// Where egress rules go and who puts them there.
#include <gtest/gtest.h>

#include "runtime/plan/test_support.hpp"

namespace nucleus::plan {
namespace {

using namespace test;

EgressPlan egress_of(bool shared, CgroupLayout layout, bool nested = false) {
  oci::Spec spec = minimal_spec();
  HostFacts facts = host_facts(layout);
  facts.cgroup.nested = nested;
  for (auto& ns : spec.linux.namespaces) {
    if (shared && ns.type == "network") {
      ns.path = "/run/netns/pod";
      facts.namespace_paths[ns.path] = {true, false};
    }
  }
  return plan_of(spec, facts, request(), Mode::agent).value().egress.value();
}

TEST(EgressPlan, MembersOfAPodAreToldApartByCgroupWhereThatCanBe) {
  EXPECT_TRUE(egress_of(true, CgroupLayout::v2).by_cgroup);
  EXPECT_FALSE(egress_of(true, CgroupLayout::v2, true).by_cgroup) << "levels of cgroups are unknown";
  EXPECT_FALSE(egress_of(true, CgroupLayout::hybrid).by_cgroup);
  EXPECT_FALSE(egress_of(false, CgroupLayout::v2).by_cgroup) << "nobody else is there";
}

}  // namespace
}  // namespace nucleus::plan

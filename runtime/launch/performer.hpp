// One overload per plan operation: the compiler refuses an operation that nobody performs. Definitions are grouped by
// kernel facility: perform_namespaces, perform_mounts, perform_paths, perform_limits, perform_confinement.
#pragma once

#include "runtime/launch/init.hpp"

namespace nucleus::launch {

struct Performer {
  InitContext& context;

  // perform_namespaces.cpp
  Status operator()(const plan::JoinNamespace& op) const;
  Status operator()(const plan::JoinCgroup& op) const;
  Status operator()(const plan::UnshareCgroup& op) const;
  Status operator()(const plan::BecomeNamespaceRoot& op) const;
  Status operator()(const plan::NewSessionKeyring& op) const;
  Status operator()(const plan::SetHostname& op) const;
  Status operator()(const plan::SetDomainname& op) const;
  Status operator()(const plan::LoopbackUp& op) const;
  Status operator()(const plan::InstallEgress& op) const;
  // perform_mounts.cpp
  Status operator()(const plan::AttachRoot& op) const;
  Status operator()(const plan::MountFilesystem& op) const;
  Status operator()(const plan::AttachMount& op) const;
  Status operator()(const plan::MakeDeviceNode& op) const;
  Status operator()(const plan::MakeSymlink& op) const;
  Status operator()(const plan::EnsureDirectory& op) const;
  Status operator()(const plan::PivotRoot& op) const;
  // perform_paths.cpp
  Status operator()(const plan::MountPropagation& op) const;
  Status operator()(const plan::MaskPath& op) const;
  Status operator()(const plan::ReadonlyPath& op) const;
  Status operator()(const plan::RemountReadonly& op) const;
  Status operator()(const plan::ReadonlyRoot& op) const;
  Status operator()(const plan::WriteSysctl& op) const;
  Status operator()(const plan::OpenConsole& op) const;
  Status operator()(const plan::ReopenNull& op) const;
  Status operator()(const plan::ReleaseSetup& op) const;
  Status operator()(const plan::EnterDirectory& op) const;
  Status operator()(const plan::ResolveExecutable& op) const;
  Status operator()(const plan::PrepareLandlock& op) const;
  // perform_limits.cpp
  Status operator()(const plan::SetRlimit& op) const;
  Status operator()(const plan::SetOomScore& op) const;
  Status operator()(const plan::SetScheduler& op) const;
  Status operator()(const plan::SetIoPriority& op) const;
  Status operator()(const plan::SetPersonality& op) const;
  Status operator()(const plan::SetMemoryPolicy& op) const;
  Status operator()(const plan::SetCpuAffinity& op) const;
  // perform_confinement.cpp
  Status operator()(const plan::RuntimeHooks& op) const;
  Status operator()(const plan::ContainerHooks& op) const;
  Status operator()(const plan::WaitForStart& op) const;
  Status operator()(const plan::StartHooks& op) const;
  Status operator()(const plan::DropBounding& op) const;
  Status operator()(const plan::SetIds& op) const;
  Status operator()(const plan::SetCapabilities& op) const;
  Status operator()(const plan::NoNewPrivileges& op) const;
  Status operator()(const plan::SecurityLabel& op) const;
  Status operator()(const plan::EnterLandlock& op) const;
  Status operator()(const plan::CloseDescriptors& op) const;
  Status operator()(const plan::InstallSeccomp& op) const;
  Status operator()(const plan::Execute& op) const;
};

// The context's private procfs, opened at first use.
[[nodiscard]] Result<const sys::ProcHandle*> proc_of(InitContext& context);

}  // namespace nucleus::launch

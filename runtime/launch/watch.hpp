// A container whose system calls are watched (hardening/seccomp_watch.hpp): its file, its watcher, and what was seen.
#pragma once

#include <optional>
#include <string>

#include "hardening/confinement.hpp"
#include "hardening/seccomp_watch.hpp"
#include "hardening/trace_record.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/launch/container.hpp"
#include "runtime/launch/wire.hpp"
#include "runtime/state/store.hpp"
#include "runtime/sys/ptrace_exec.hpp"

namespace nucleus::launch {

// While creating: makes the file that the trace goes to, a regular file with one name, and writes the watch down. One that
// the command line names may exist and is overwritten.
[[nodiscard]] Status prepare_watch(const state::Directory& directory, hardening::SeccompWatch watch);
// A launch that failed takes the file back that must not have existed before.
void undo_watch(const state::Directory& directory);

// nullopt: not watched.
[[nodiscard]] Result<std::optional<hardening::SeccompWatch>> load_watch(const state::Directory& directory);

// Starts the watcher. The file must still be the one that was made.
[[nodiscard]] Status start_watching(const Container& container, UniqueFd listener);

// Of a container that has ended: the watcher finishes its file; one that does not is killed.
void end_watching(const state::Directory& directory);

// What was seen so far; nullopt: not watched, or the file is being written this very moment.
[[nodiscard]] std::optional<hardening::Trace> read_watch_log(const state::Directory& directory);

}  // namespace nucleus::launch

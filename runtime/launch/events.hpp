// What `events` tells about a running container, one JSON object a line.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "runtime/launch/container.hpp"

namespace nucleus::launch {

// Where a line goes, its end included; its error ends the watching.
using EventSink = std::function<Status(std::string_view line)>;

// The statistics of now. Error, runc's text: "container with id X is not running".
[[nodiscard]] Status report_stats(const Container& container, const EventSink& sink);

// Statistics every `interval`, and an event for each OOM kill, until the container's init ends.
[[nodiscard]] Status watch_events(const Container& container, std::chrono::milliseconds interval,
                                  const EventSink& sink);

}  // namespace nucleus::launch

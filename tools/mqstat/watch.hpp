// mqstat's loop: a table since the start, one for every interval, and a summary.
#pragma once

#include <string>

#include <vmq/control_client.hpp>

#include "tools/mqstat/options.hpp"

namespace vmq::mqstat {

struct Format {
    bool interrupts = false;
    bool json = false;
};

// Prints until the tables asked for are done or a signal ends it.
void watch(ControlClient& client, const When& when, const Format& format);

}  // namespace vmq::mqstat

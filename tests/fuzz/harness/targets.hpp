// The fuzzers' targets. Each takes any input, keeps the promises that it names, and returns how much of what it tried
// got through: packets, commands, messages.
#pragma once

#include <cstddef>
#include <span>

namespace vmq::fuzz {

using Target = std::size_t(std::span<const std::byte> input);

// A queue pair on rings into which the device writes what it likes.
Target split_ring;
Target packed_ring;
// PCI capabilities, registers and configuration space, up to the start of the device.
Target pci;
// What a device answers to control commands.
Target control_reply;
// The header in front of a received packet and what it claims about it; and requests of a packet that is sent.
Target offload;
// What a vhost-user backend answers.
Target vhost;
// Requests to an application's control socket, and replies to a tool.
Target control_socket;
// Words on the tools' command lines, and the names and lists in them.
Target command_line;

}  // namespace vmq::fuzz

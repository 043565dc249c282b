// Where the kernel's small text files are, and reading and writing them with the kernel's own error code kept.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace vmq::affinity {

// The two roots everything is looked up under; a test points them at a tree of its own.
struct SystemPaths {
    std::filesystem::path proc = "/proc";
    std::filesystem::path sys = "/sys";

    [[nodiscard]] std::filesystem::path pci_device(std::string_view address) const {
        return sys / "bus/pci/devices" / address;
    }
};

// The whole file; empty, with `error` set, when it cannot be read.
[[nodiscard]] std::string read_text(const std::filesystem::path& path, std::error_code& error);

// One write of the whole text, because the kernel acts on each write. Never creates a file.
[[nodiscard]] std::error_code write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace vmq::affinity

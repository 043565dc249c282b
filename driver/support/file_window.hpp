// A stretch of a device file through which registers are reached that cannot be mapped: I/O ports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "driver/support/endian.hpp"
#include "driver/support/mmio.hpp"

namespace vmq::support {

// What MmioWindow is for memory: each access is one system call, and throws std::system_error when that fails. The
// descriptor stays its owner's. `name` is for messages.
class FileWindow {
public:
    FileWindow() noexcept = default;
    FileWindow(int fd, std::uint64_t start, std::size_t size, std::string name)
        : fd_(fd), start_(start), size_(size), name_(std::move(name)) {}

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] std::uint64_t start() const noexcept { return start_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    template <typename T, Access access>
    [[nodiscard]] T read(Reg<T, access> reg) const {
        static_assert(access != Access::wo);
        return load<T>(reg.offset);
    }
    template <typename T, Access access>
    void write(Reg<T, access> reg, T value) const {
        static_assert(access != Access::ro);
        const LittleEndian<T> stored{value};
        write_bytes(reg.offset, std::as_bytes(std::span{&stored, 1}));
    }
    template <typename T>
    [[nodiscard]] T load(std::size_t offset) const {
        LittleEndian<T> stored;
        read_bytes(offset, std::as_writable_bytes(std::span{&stored, 1}));
        return stored.value();
    }

private:
    void read_bytes(std::size_t offset, std::span<std::byte> bytes) const;
    void write_bytes(std::size_t offset, std::span<const std::byte> bytes) const;
    [[noreturn]] void fail(const char* operation, std::size_t offset, bool told) const;

    int fd_ = -1;
    std::uint64_t start_ = 0;
    std::size_t size_ = 0;
    std::string name_;
};

}  // namespace vmq::support

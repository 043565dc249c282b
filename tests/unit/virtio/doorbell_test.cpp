// What each kind of doorbell writes, and where.
#include "driver/virtio/doorbell.hpp"

#include <array>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "driver/support/event_fd.hpp"
#include "driver/support/unique_fd.hpp"

namespace vmq::virtio {
namespace {

using Bytes = std::array<unsigned char, 8>;
constexpr unsigned char untouched = 0xee;

Bytes rung_in_memory(NotifyWord word, std::uint16_t position) {
    alignas(8) Bytes bytes;
    bytes.fill(untouched);
    Doorbell::at_register({reinterpret_cast<std::byte*>(bytes.data()) + 4, word.width()}, word).ring(position);
    return bytes;
}

Bytes rung_in_file(NotifyWord word, std::uint16_t position) {
    const support::UniqueFd file{::memfd_create("bar", MFD_CLOEXEC)};
    Bytes bytes;
    bytes.fill(untouched);
    EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), 0), 8);
    Doorbell::at_file(file.get(), 4, word).ring(position);
    EXPECT_EQ(::pread(file.get(), bytes.data(), bytes.size(), 0), 8);
    return bytes;
}

TEST(Doorbell, SixteenBitsOrThirtyTwo) {
    for (const auto rung : {rung_in_memory, rung_in_file}) {
        EXPECT_EQ(rung({0x0102}, 0x8304), (Bytes{0xee, 0xee, 0xee, 0xee, 0x02, 0x01, 0xee, 0xee}));
        EXPECT_EQ(rung({0x0102, true}, 0x8304), (Bytes{0xee, 0xee, 0xee, 0xee, 0x02, 0x01, 0x04, 0x83}));
    }
}

TEST(Doorbell, AnEventfdCounts) {
    const support::EventFd event;
    const Doorbell doorbell = Doorbell::at_eventfd(event.fd());
    doorbell.ring(7);
    doorbell.ring(8);
    EXPECT_EQ(event.drain(), 2U);
}

}  // namespace
}  // namespace vmq::virtio

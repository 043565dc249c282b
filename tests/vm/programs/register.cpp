// register DEV: memory of its own registered with a device over VFIO, sent from, and given back, again and again.
// Each packet is 14 bytes of Ethernet header and a piece that begins with its number. For tests/vm/test_register.py.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

#include <vmq/device.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::size_t bytes = 4 << 20;
constexpr std::size_t piece_bytes = 1000;
constexpr unsigned rounds = 200;

struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
};

void require(bool right, const std::string& what) {
    if (!right) throw std::runtime_error(what);
}

// What the kernel counts as locked for this process.
std::size_t locked_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != "VmLck:") continue;
        std::size_t kib = 0;
        status >> kib;
        return kib * 1024;
    }
    throw std::runtime_error("no VmLck in /proc/self/status");
}

void refuse_parts_of_pages(vmq::Device& device, std::span<std::byte> memory) {
    try {
        static_cast<void>(device.register_memory(memory.subspan(64)));
    } catch (const std::system_error& error) {
        return require(error.code() == std::errc::invalid_argument, error.what());
    }
    throw std::runtime_error("memory that is not whole pages was registered");
}

void send_from(vmq::QueuePair& pair, const vmq::RegisteredMemory& memory, std::uint32_t number) {
    unsigned told = 0;
    const auto piece = memory.bytes().subspan(number * std::size_t{20'011} % (bytes - piece_bytes), piece_bytes);
    std::memset(piece.data(), static_cast<int>(number & 0xff), piece.size());
    std::memcpy(piece.data(), &number, sizeof number);
    vmq::Batch batch;
    require(pair.allocate(batch, 1, 14) == 1, "no packet");
    std::memset(batch[0].bytes().data(), 0xff, 12);
    batch[0].bytes()[12] = std::byte{0x88};
    batch[0].bytes()[13] = std::byte{0xb5};
    const vmq::SendDone done{
        .told = [](void* count, std::span<const std::byte>) noexcept { ++*static_cast<unsigned*>(count); },
        .context = &told};
    require(pair.attach(batch[0], memory, piece, done), "a piece was not attached");
    while (!batch.empty()) pair.send(batch);
    for (const auto end = std::chrono::steady_clock::now() + 10s; told == 0;) {
        require(std::chrono::steady_clock::now() < end, "a piece did not come back");
        pair.wait(10ms);
        pair.recv(batch);
        pair.send(batch);
    }
    require(told == 1 && memory.in_use() == 0, "a piece was told more than once, or is in use still");
}

void run(const char* name) {
    const std::unique_ptr<std::byte, Free> owner(static_cast<std::byte*>(std::aligned_alloc(4096, bytes)));
    const std::span memory{owner.get(), bytes};
    vmq::Options options;
    options.queue_pairs = 1;
    vmq::Device device = vmq::Device::open(name, options);
    vmq::QueuePair pair = device.take_queue_pair(0);
    refuse_parts_of_pages(device, memory);
    const std::size_t before = locked_bytes();
    for (unsigned round = 0; round < rounds; ++round) {
        const vmq::RegisteredMemory registered = device.register_memory(memory);
        require(locked_bytes() == before + bytes, "the registered memory is not locked");
        send_from(pair, registered, round);
    }
    require(locked_bytes() == before, "memory stays locked when it is given back");
    std::printf("%u rounds\n", rounds);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        run(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "register: %s\n", error.what());
        return 1;
    }
}

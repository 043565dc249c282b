// A vhost-user backend that answers messages and moves no packet.
#include "tests/unit/vhost/backend.hpp"

#include <chrono>
#include <fcntl.h>
#include <sys/mman.h>
#include <utility>

#include "driver/support/barriers.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::vhost {

using namespace std::chrono_literals;

ScriptedBackend::ScriptedBackend(const std::string& path, Script script, bool connects)
    : script_(std::move(script)), endpoint_({.path = path, .server = !connects}), thread_([this] { serve(); }) {}

ScriptedBackend::~ScriptedBackend() {
    stop_ = true;
    if (const int fd = connection_; fd >= 0) ::shutdown(fd, SHUT_RDWR);
    thread_.join();
}

void ScriptedBackend::serve() {
    while (!stop_) {
        auto socket = endpoint_.try_connect();
        if (!socket) {
            std::this_thread::sleep_for(1ms);
            continue;
        }
        ::fcntl(socket->get(), F_SETFL, 0);  // blocking
        connection_ = socket->get();
        while (!stop_) {
            auto message = read_message(socket->get());
            if (!message) break;
            const std::lock_guard lock{mutex_};
            order.push_back(message->request);
            handle(*message);
            answer(*message);
        }
        const std::lock_guard lock{mutex_};
        connection_ = -1;
        vrings.clear();
        regions.clear();
        mappings_.clear();
    }
}

void ScriptedBackend::handle(const Message& message) {
    const auto state = message.as<VringState>();
    const auto take_fd = [&](support::UniqueFd& into) {
        if (!message.descriptors.empty()) into.reset(::dup(message.descriptors.front().get()));
    };
    switch (message.request) {
        case Request::set_features:
            accepted_features = message.as<std::uint64_t>();
            break;
        case Request::net_set_mtu:
            mtu = message.as<std::uint64_t>();
            break;
        case Request::set_status:
            status = message.as<std::uint8_t>();
            break;
        case Request::set_vring_num:
            vrings[state.index].size = state.num;
            break;
        case Request::set_vring_base:
            vrings[state.index].base = state.num;
            break;
        case Request::set_vring_addr:
            vrings[state.index].address = message.as<VringAddress>();
            break;
        case Request::set_vring_kick:
            take_fd(vrings[state.index & 0xff].kick);
            break;
        case Request::set_vring_call:
            vrings[state.index & 0xff].call_known = true;
            take_fd(vrings[state.index & 0xff].call);
            break;
        case Request::set_vring_enable:
            if (!script_.refuse || !script_.refuse(message)) vrings[state.index].enabled = state.num != 0;
            break;
        case Request::get_vring_base:
            vrings[state.index].stopped = true;
            break;
        case Request::set_mem_table:
            regions.clear();
            mappings_.clear();
            for (std::uint32_t i = 0; i < message.as<std::uint32_t>() && i < message.descriptors.size(); ++i)
                map_region(message.as<MemoryRegion>(8 + i * sizeof(MemoryRegion)), message.descriptors[i].get());
            break;
        case Request::add_mem_reg:
            if (!message.descriptors.empty()) map_region(message.as<MemoryRegion>(8), message.descriptors[0].get());
            break;
        default:
            break;
    }
}

std::optional<std::uint64_t> ScriptedBackend::number_for(Request request) const {
    switch (request) {
        case Request::get_features:
            return script_.features;
        case Request::get_protocol_features:
            return script_.protocol_features;
        case Request::get_queue_num:
            return script_.queue_pairs;
        case Request::get_max_mem_slots:
            return 509;
        case Request::get_status:
            return status & script_.status_mask;
        default:
            return std::nullopt;
    }
}

void ScriptedBackend::answer(const Message& message) {
    if (const auto number = number_for(message.request)) return write_number(connection_, message.request, *number);
    if (message.request == Request::get_vring_base)
        return write_reply(connection_, message.request, message.as<VringState>());
    if (!message.needs_reply()) return;
    const auto refusal = script_.refuse ? script_.refuse(message) : std::nullopt;
    write_number(connection_, message.request, refusal.value_or(0));
}

void ScriptedBackend::map_region(const MemoryRegion& region, int fd) {
    regions.push_back(region);
    void* const address = ::mmap(nullptr, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    mappings_.emplace_back(address == MAP_FAILED ? nullptr : address, region.size);
}

bool ScriptedBackend::eventually(const std::function<bool(const ScriptedBackend&)>& condition) const {
    for (const auto end = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < end;) {
        if (look(condition)) return true;
        std::this_thread::sleep_for(1ms);
    }
    return look(condition);
}

unsigned ScriptedBackend::enabled_pairs() const {
    return look([](const ScriptedBackend& b) {
        unsigned pairs = 0;
        for (const auto& [index, vring] : b.vrings)
            if (index % 2 == 0 && vring.enabled && b.vrings.contains(index + 1) && b.vrings.at(index + 1).enabled)
                ++pairs;
        return pairs;
    });
}

std::vector<Request> ScriptedBackend::requests() const {
    return look([](const ScriptedBackend& b) { return b.order; });
}

std::size_t ScriptedBackend::region_count() const {
    return look([](const ScriptedBackend& b) { return b.regions.size(); });
}

std::uint16_t ScriptedBackend::available_index(unsigned vring) const {
    return look([vring](const ScriptedBackend& b) -> std::uint16_t {
        const std::uint64_t address = b.vrings.at(vring).address.available;
        for (std::size_t i = 0; i < b.regions.size(); ++i) {
            const std::uint64_t offset = address - b.regions[i].user_address;
            if (address < b.regions[i].user_address || offset >= b.regions[i].size) continue;
            const auto* ring = reinterpret_cast<const virtio::RingHeader*>(b.mappings_[i].data() + offset);
            return support::load_acquire(ring->idx);
        }
        return 0xffff;
    });
}

}  // namespace vmq::vhost

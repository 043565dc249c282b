// A vhost-user backend that answers messages and moves no packet: what the frontend tells it can be looked at, and what
// it answers can be changed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "driver/support/mapping.hpp"
#include "driver/support/unique_fd.hpp"
#include "driver/vhost/endpoint.hpp"
#include "tests/unit/vhost/message.hpp"

namespace vmq::vhost {

struct Script {
    std::uint64_t features = protocol_features_bit | std::uint64_t{1} << 32 | 1u << 22 | 1u << 15 | 1u << 3;
    std::uint64_t protocol_features = 1u << 0 | 1u << 3 | 1u << 4 | 1u << 16;
    std::uint64_t queue_pairs = 4;
    // What to answer to a request in the place of success; nullopt: as usual. Only for requests that are acknowledged.
    std::function<std::optional<std::uint64_t>(const Message&)> refuse{};
    std::uint8_t status_mask = 0xff;  // of the status that it reports
};

// What a frontend has told it of a vring.
struct Vring {
    unsigned size = 0;
    std::uint32_t base = 0;
    VringAddress address{};
    support::UniqueFd kick{};
    support::UniqueFd call{};
    bool call_known = false;
    bool enabled = false;
    bool stopped = false;
};

class ScriptedBackend {
public:
    // Listens on the path, or connects to it.
    ScriptedBackend(const std::string& path, Script script, bool connects = false);
    // Ends the connection, as its death would.
    ~ScriptedBackend();

    // Waits until the condition holds; false after some seconds.
    [[nodiscard]] bool eventually(const std::function<bool(const ScriptedBackend&)>& condition) const;

    // What happened so far. The callbacks of eventually and look may use the members below.
    template <typename Look>
    auto look(Look use) const {
        const std::lock_guard lock{mutex_};
        return use(*this);
    }
    [[nodiscard]] unsigned enabled_pairs() const;  // whose both vrings are enabled
    [[nodiscard]] std::vector<Request> requests() const;
    [[nodiscard]] std::uint16_t available_index(unsigned vring) const;  // of a split ring, as the backend sees it
    [[nodiscard]] std::size_t region_count() const;

    std::map<unsigned, Vring> vrings;  // with look() only
    std::vector<MemoryRegion> regions;
    std::uint64_t accepted_features = 0;
    std::uint64_t mtu = 0;
    std::uint8_t status = 0;
    std::vector<Request> order;

private:
    void serve();
    void handle(const Message& message);
    void answer(const Message& message);
    [[nodiscard]] std::optional<std::uint64_t> number_for(Request request) const;
    void map_region(const MemoryRegion& region, int fd);

    Script script_;
    Endpoint endpoint_;
    mutable std::mutex mutex_;
    std::vector<support::Mapping> mappings_;
    std::atomic<bool> stop_{false};
    std::atomic<int> connection_{-1};
    std::thread thread_;
};

}  // namespace vmq::vhost

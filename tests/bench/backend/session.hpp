// One frontend, from its first message to its last.
#pragma once

#include <memory>
#include <vector>

#include "tests/bench/backend/counters.hpp"
#include "tests/bench/backend/memory_table.hpp"
#include "tests/bench/backend/options.hpp"
#include "tests/bench/backend/pair.hpp"
#include "tests/bench/backend/protocol.hpp"
#include "tests/bench/backend/workers.hpp"

namespace vmq::bench {

class Session {
public:
    // Everything must outlive the session; one counter for each pair.
    Session(int socket, const BackendOptions& options, Workers& workers, std::vector<PairCounters>& counters);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Takes one message and answers it; false when the frontend has gone. Throws std::system_error or
    // std::runtime_error for what cannot be served: the session is over then.
    [[nodiscard]] bool handle_one();

private:
    struct Vring {
        RingMemory ring;         // size 0: not yet told
        VringAddress address{};  // descriptors 0: not yet told
        std::uint32_t base = 0;
        support::UniqueFd kick;  // nobody listens to it: this device polls
        support::UniqueFd call;
        bool kicked = false;  // SET_VRING_KICK has come
        bool enabled = false;
        bool started = false;
    };

    void answer_number(Request request, std::uint64_t number) const;
    // True: the message has been answered.
    bool handle(Message& message);
    bool handle_question(const Message& message);
    void change(Message& message);
    void change_vring(Message& message);
    void set_features(std::uint64_t features);
    void set_vring_fd(Message& message);
    void set_memory(const Message& message);
    void answer_vring_base(std::uint32_t index);

    [[nodiscard]] Vring& vring(std::uint32_t index);
    [[nodiscard]] Pair& pair_of(std::uint32_t index) { return *pairs_.at(index / 2); }
    void start_what_is_ready();
    void stop(std::uint32_t index);  // it goes on with the next start
    void stop_all();                 // until each is kicked again
    void place(Vring& vring) const;

    const int socket_;
    const BackendOptions& options_;
    Workers& workers_;
    std::vector<PairCounters>& counters_;

    std::uint64_t protocol_features_ = 0;
    std::uint64_t features_ = 0;
    std::uint8_t status_ = 0;
    MemoryTable memory_;
    std::vector<Vring> vrings_;
    std::vector<std::unique_ptr<Pair>> pairs_;  // empty until the features are known
};

}  // namespace vmq::bench

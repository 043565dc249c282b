// Asking irqbalance, the daemon that spreads interrupts, to leave some alone.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "affinity/system_files.hpp"

namespace vmq::affinity {

// Where an irqbalance listens: a path, or a name in the abstract namespace of Unix sockets.
struct IrqbalanceSocket {
    std::string name;
    bool is_abstract = false;

    friend bool operator==(const IrqbalanceSocket&, const IrqbalanceSocket&) = default;
};

// Newer ones have a socket in `folder`, older ones an abstract one (/proc/net/unix).
[[nodiscard]] std::vector<IrqbalanceSocket> find_irqbalance(const std::filesystem::path& folder,
                                                            const SystemPaths& paths = {});

// The banned IRQs in its answer to "setup", ascending: "SLEEP 10 IRQ 24 LOAD 0 DIFF 0 CLASS 3 BANNED 00000000".
[[nodiscard]] std::vector<unsigned> parse_banned_irqs(std::string_view setup);

enum class IrqbalanceState {
    absent,   // none runs
    told,     // it leaves the IRQs alone
    refused,  // it runs and does not do it
};

// Keeps irqbalance off one device's IRQs. One thread.
class Irqbalance {
public:
    explicit Irqbalance(std::filesystem::path folder = "/run/irqbalance", SystemPaths paths = {});
    // Takes the bans back that keep_off added; a number may be another device's next.
    ~Irqbalance();
    Irqbalance(const Irqbalance&) = delete;
    Irqbalance& operator=(const Irqbalance&) = delete;

    // Adds the IRQs to those that irqbalance leaves alone already, and looks whether it does. Asks nothing twice of one
    // that has them. Blocks for an answer, half a second at most for each question.
    IrqbalanceState keep_off(const std::vector<unsigned>& irqs);
    // What the last keep_off found, in one line for a log: whom it asked, why it was refused and the cure.
    [[nodiscard]] const std::string& story() const noexcept { return story_; }

private:
    [[nodiscard]] IrqbalanceState tell(const IrqbalanceSocket& socket, const std::vector<unsigned>& irqs);
    [[nodiscard]] bool runs() const;

    std::filesystem::path folder_;
    SystemPaths paths_;
    std::vector<unsigned> added_;
    std::string story_;
};

}  // namespace vmq::affinity

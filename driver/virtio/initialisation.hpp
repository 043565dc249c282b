// Bringing a device up in the order the specification demands: each step consumes the state before it. VIRTIO 1.3, 3.1.
//
//     Acknowledged acknowledged = Reset{transport}.acknowledge();
//     FeaturesOk ready = std::move(acknowledged).accept(wanted);
//     ready.enable_queue(…);
//     Running running = std::move(ready).start();
//
// A state that is destroyed before the device runs sets the status bit FAILED, so an exception anywhere does too. The
// transport must outlive the states. One thread.
#pragma once

#include <cstdint>
#include <utility>

#include "driver/virtio/transport.hpp"

namespace vmq::virtio {

// The part that all states before Running share: the transport, and FAILED when the attempt is given up.
class Attempt {
public:
    explicit Attempt(Transport& transport) noexcept : transport_(&transport) {}
    Attempt(Attempt&& other) noexcept : transport_(std::exchange(other.transport_, nullptr)) {}
    Attempt& operator=(Attempt&&) = delete;
    ~Attempt();

    [[nodiscard]] Transport& transport() const noexcept { return *transport_; }
    // Sets further status bits; none is ever cleared but by a reset (2.1.1).
    void add_status(std::uint8_t bits);
    // The device runs: nothing is given up any more.
    [[nodiscard]] Transport& succeed() noexcept { return *std::exchange(transport_, nullptr); }

private:
    Transport* transport_;
};

class Running {
public:
    [[nodiscard]] FeatureSet features() const noexcept { return features_; }
    [[nodiscard]] Transport& transport() const noexcept { return *transport_; }

private:
    friend class FeaturesOk;
    Running(Transport& transport, FeatureSet features) noexcept : transport_(&transport), features_(features) {}
    Transport* transport_;
    FeatureSet features_;
};

class FeaturesOk {
public:
    [[nodiscard]] FeatureSet features() const noexcept { return features_; }
    [[nodiscard]] Transport& transport() const noexcept { return attempt_.transport(); }

    // As Transport's: false when there was no vector for it.
    [[nodiscard]] bool set_config_vector(VectorIndex vector) { return transport().set_config_vector(vector); }
    [[nodiscard]] bool enable_queue(QueueIndex queue, const QueueConfig& config) {
        return transport().enable_queue(queue, config);
    }

    // Sets DRIVER_OK. From then on, and not before, the device may be notified.
    [[nodiscard]] Running start() &&;

private:
    friend class Acknowledged;
    FeaturesOk(Attempt attempt, FeatureSet features) noexcept : attempt_(std::move(attempt)), features_(features) {}
    Attempt attempt_;
    FeatureSet features_;
};

class Acknowledged {
public:
    // What the device offers; its configuration may be read already.
    [[nodiscard]] FeatureSet device_features() const noexcept { return offered_; }
    [[nodiscard]] Transport& transport() const noexcept { return attempt_.transport(); }

    // Accepts what is both wanted and offered, without orphans, and VERSION_1 in any case but a legacy device's, which
    // is not asked whether it agrees (3.1.2). Throws Errc::unsupported for another device without VERSION_1,
    // Errc::device_refused when it does not agree to the features.
    [[nodiscard]] FeaturesOk accept(FeatureSet wanted) &&;

private:
    friend class Reset;
    explicit Acknowledged(Attempt attempt);
    Attempt attempt_;
    FeatureSet offered_;
};

class Reset {
public:
    explicit Reset(Transport& transport);
    [[nodiscard]] Acknowledged acknowledge() &&;

private:
    Attempt attempt_;
};

}  // namespace vmq::virtio

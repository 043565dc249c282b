// What the backend offers.
#include "tests/bench/backend/options.hpp"

#include "driver/virtio/features.hpp"
#include "tests/bench/backend/protocol.hpp"

namespace vmq::bench {

std::uint64_t all_features() noexcept {
    using virtio::Feature;
    return protocol_features_bit | virtio::FeatureSet{Feature::version_1, Feature::mrg_rxbuf,    Feature::mq,
                                                      Feature::ctrl_vq,   Feature::ring_packed,  Feature::in_order,
                                                      Feature::event_idx, Feature::indirect_desc}
                                       .bits();
}

}  // namespace vmq::bench

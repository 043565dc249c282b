// The steps of device initialisation. VIRTIO 1.3, 3.1.1.
#include "driver/virtio/initialisation.hpp"

#include <exception>
#include <string>
#include <string_view>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::virtio {
namespace {

std::string join(const std::vector<std::string>& words) {
    std::string joined;
    for (const std::string& word : words) joined.append(joined.empty() ? "" : " ").append(word);
    return joined;
}

}  // namespace

Attempt::~Attempt() {
    if (transport_ == nullptr) return;
    try {
        add_status(device_status::failed);
    } catch (const std::exception&) {
        // The device is gone, or the transport; whoever gives up has the reason already.
    }
}

void Attempt::add_status(std::uint8_t bits) {
    transport_->set_status(static_cast<std::uint8_t>(transport_->status() | bits));
}

Reset::Reset(Transport& transport) : attempt_(transport) { transport.reset(); }

Acknowledged Reset::acknowledge() && {
    attempt_.add_status(device_status::acknowledge);
    attempt_.add_status(device_status::driver);
    return Acknowledged{std::move(attempt_)};
}

Acknowledged::Acknowledged(Attempt attempt)
    : attempt_(std::move(attempt)), offered_(attempt_.transport().device_features()) {}

FeaturesOk Acknowledged::accept(FeatureSet wanted) && {
    const std::string& name = transport().name();
    const bool legacy = transport().is_legacy();
    if (!legacy && !offered_.has(Feature::version_1))
        support::fail(Errc::unsupported, "negotiating features with " + name,
                      "a device with modern registers that does not offer VERSION_1");
    // 6.1: VERSION_1 must be accepted when it is offered.
    wanted.add(Feature::version_1);
    const FeatureSet accepted = without_orphans(wanted & offered_);
    transport().set_driver_features(accepted);
    if (legacy) return FeaturesOk{std::move(attempt_), accepted};
    attempt_.add_status(device_status::features_ok);
    // 3.1.1 step 6: the bit stays only when the device agrees.
    if ((transport().status() & device_status::features_ok) == 0)
        support::fail(Errc::device_refused, "setting FEATURES_OK on " + name + " with " + join(feature_names(accepted)),
                      "try again with fewer features");
    return FeaturesOk{std::move(attempt_), accepted};
}

Running FeaturesOk::start() && {
    attempt_.add_status(device_status::driver_ok);
    const std::uint8_t status = transport().status();
    if ((status & device_status::needs_reset) != 0 || (status & device_status::driver_ok) == 0)
        support::fail(Errc::device_refused, "setting DRIVER_OK on " + transport().name(),
                      "the device did not start; its host's log may say why");
    return Running{attempt_.succeed(), features_};
}

}  // namespace vmq::virtio

// The texts of virtio's own failures.
#include <string>

#include <vmq/error.hpp>

namespace vmq {

namespace {

class Category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "vmq"; }

    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
            case Errc::no_such_device:
                return "no such virtio-net device";
            case Errc::not_driven:
                return "no vmq application drives the device";
            case Errc::busy:
                return "in use by another process or thread";
            case Errc::unsupported:
                return "not supported";
            case Errc::bad_device:
                return "the device broke the VIRTIO specification";
            case Errc::device_timeout:
                return "the device did not answer in time";
            case Errc::device_refused:
                return "refused by the device";
            case Errc::device_removed:
                return "the device is gone";
            case Errc::owner_timeout:
                return "a queue pair's thread did not call in in time";
            case Errc::out_of_range:
                return "outside what the device has";
            case Errc::control_queue_unusable:
                return "the control queue is unusable until the device is reset";
            case Errc::interface_in_use:
                return "the kernel's interface is in use";
            case Errc::bad_request:
                return "not a request that is understood";
        }
        return "unknown error " + std::to_string(value);
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const Category category;
    return category;
}

}  // namespace vmq

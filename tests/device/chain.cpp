// The rules for a buffer's elements. VIRTIO 1.3, 2.7.4.2, 2.7.5.3, 2.8.7 and 2.8.17.
#include "tests/device/chain.hpp"

namespace vmq::software {

bool ChainBuilder::element(virtio::Iova address, std::uint32_t length, bool device_writes) {
    if (length == 0) return blame_("an empty descriptor");
    if (chain_.readable.size() + chain_.writable.size() == most_)
        return blame_("a buffer of more than " + std::to_string(most_) + " elements");
    if (!device_writes && !chain_.writable.empty()) return blame_("a readable descriptor behind a writable one");
    const auto bytes = memory_.at(address, length, blame_.name() + " buffer");
    if (bytes.empty()) return false;
    (device_writes ? chain_.writable : chain_.readable).push_back(bytes);
    return true;
}

bool ChainBuilder::table(virtio::Iova address, std::uint32_t length) {
    if (length == 0 || length % 16 != 0) return blame_("an indirect table of " + std::to_string(length) + " bytes");
    chain_.table = memory_.at(address, length, blame_.name() + " indirect table");
    return !chain_.table.empty();
}

}  // namespace vmq::software

// `mqctl list`: what is printed.
#include "tools/mqctl/list.hpp"

#include <gtest/gtest.h>

namespace vmq::mqctl {
namespace {

std::vector<ListedFunction> two_functions() {
    return {{{"0000:00:03.0", "eth0", "virtio-pci", -1, false, 0, ""}, std::nullopt, ""},
            {{"0000:00:04.0", "", "vfio-pci", 7, true, 1234, "mqperf"},
             ListedFunction::Pairs{2, 4},
             "no-IOMMU: nothing protects"}};
}

TEST(ListText, HasALineForEachFunction) {
    EXPECT_EQ(list_text(two_functions()),
              "ADDRESS       INTERFACE  DRIVER      GROUP  IOMMU     PROCESS       PAIRS\n"
              "0000:00:03.0  eth0       virtio-pci      -  -         -             -\n"
              "0000:00:04.0  -          vfio-pci        7  no-IOMMU  mqperf(1234)  2/4\n");
}

TEST(ListJson, HasAnObjectForEachFunction) {
    EXPECT_EQ(
        list_json(two_functions()).dump(),
        R"([{"schema":"mqctl.list/1","device":"0000:00:03.0","kernel_interface":"eth0","driver":"virtio-pci",)"
        R"("iommu_group":null,"iommu_mode":null,"process_id":null,"process_name":null,"queue_pairs":null,"max_queue_pairs":null},)"
        R"({"schema":"mqctl.list/1","device":"0000:00:04.0","kernel_interface":null,"driver":"vfio-pci",)"
        R"("iommu_group":7,"iommu_mode":"no-IOMMU: nothing protects","process_id":1234,"process_name":"mqperf",)"
        R"("queue_pairs":2,"max_queue_pairs":4}])");
}

TEST(ListJson, OfNothingIsAnEmptyArray) { EXPECT_EQ(list_json({}).dump(), "[]"); }

}  // namespace
}  // namespace vmq::mqctl

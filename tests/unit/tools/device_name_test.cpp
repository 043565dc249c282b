// What DEV means.
#include "tools/common/device_name.hpp"

#include <gtest/gtest.h>

#include "tools/common/failure.hpp"

namespace vmq::tools {
namespace {

TEST(PciAddress, HasALongForm) {
    EXPECT_EQ(pci_address("00:04.0"), "0000:00:04.0");
    EXPECT_EQ(pci_address("0000:00:04.0"), "0000:00:04.0");
    EXPECT_EQ(pci_address("0000:AF:1F.7"), "0000:af:1f.7");
    EXPECT_EQ(pci_address("10000:00:04.0"), "10000:00:04.0");
}

TEST(PciAddress, IsNothingElse) {
    for (const char* name :
         {"", "eth0", "00:04", "00:04.8", "00:20.0", "0:04.0", "x0000:00:04.0", "0000:00:04.0 ", "/run/a"}) {
        EXPECT_EQ(pci_address(name), std::nullopt) << name;
    }
}

TEST(DeviceName, AVhostUserAddressIsTakenAsItIs) {
    for (const std::string name : {"vhost-user:/run/a.sock", "vhost-user:a,server,queues=2"}) {
        EXPECT_EQ(driven_device(name), name);
        EXPECT_EQ(free_device(name), name);
    }
}

TEST(OnlyCandidate, IsTakenWhenThereIsOne) { EXPECT_EQ(only_candidate({"a"}, "none"), "a"); }

TEST(OnlyCandidate, OfNoneIsNotThere) {
    try {
        static_cast<void>(only_candidate({}, "none"));
        FAIL() << "nothing thrown";
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.exit(), Exit::not_there);
        EXPECT_STREQ(failure.what(), "none");
    }
}

TEST(OnlyCandidate, OfSeveralMustBeNamed) {
    try {
        static_cast<void>(only_candidate({"a", "b"}, "none"));
        FAIL() << "nothing thrown";
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.exit(), Exit::usage);
        EXPECT_STREQ(failure.what(), "several devices, name one: a, b");
    }
}

Function function(std::string driver) {
    Function result;
    result.address = "0000:00:04.0";
    result.driver = std::move(driver);
    return result;
}

TEST(WhyNotDriven, SaysWhoHasItAndWhatToDo) {
    EXPECT_EQ(why_not_driven(function("")),
              "no driver has it (run: mqctl bind 0000:00:04.0, then start the application)");

    Function kernel = function("virtio-pci");
    kernel.kernel_interface = "eth0";
    EXPECT_EQ(
        why_not_driven(kernel),
        "the kernel's driver virtio-pci has it as eth0 (run: mqctl bind 0000:00:04.0, then start the application)");

    EXPECT_EQ(why_not_driven(function("vfio-pci")),
              "no application drives it (start one, for instance: mqperf echo 0000:00:04.0)");

    Function held = function("vfio-pci");
    held.process_id = 12;
    held.process_name = "testpmd";
    EXPECT_EQ(why_not_driven(held), "process testpmd(12) has it open, but answers on no control socket");
}

}  // namespace
}  // namespace vmq::tools

// Whether an interface is in use: the kernel's route tables, addresses, and what is stacked on it.
#include "driver/vfio/interface_use.hpp"

#include <gtest/gtest.h>

#include "tests/unit/vfio/fake_system.hpp"

namespace vmq::vfio {

namespace {

constexpr const char* headings =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

std::string ipv6_route(const std::string& destination, const std::string& interface) {
    const std::string none(32, '0');
    return destination + " 40 " + none + " 00 " + none + " 00000100 00000001 00000000 00000001 " + interface + "\n";
}

constexpr const char* global = "20010db8000000000000000000000000";
constexpr const char* link_local = "fe800000000000000000000000000000";
constexpr const char* multicast = "ff000000000000000000000000000000";

}  // namespace

TEST(InterfaceUse, SeesAnIpv4RouteOfThatInterfaceOnly) {
    const std::string table = std::string{headings} + "eth10\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
    EXPECT_TRUE(has_route(table, "eth10"));
    EXPECT_FALSE(has_route(table, "eth1"));
    EXPECT_FALSE(has_route(headings, "Iface"));
    EXPECT_FALSE(has_route("", "eth1"));
}

TEST(InterfaceUse, SeesAnIpv6RouteThatIsNotTheKernelsOwn) {
    EXPECT_TRUE(has_ipv6_route(ipv6_route(global, "eth0"), "eth0"));
    EXPECT_TRUE(has_ipv6_route(ipv6_route(std::string(32, '0'), "eth0"), "eth0"));
    EXPECT_FALSE(has_ipv6_route(ipv6_route(global, "eth1"), "eth0"));
    EXPECT_FALSE(has_ipv6_route(ipv6_route(link_local, "eth0") + ipv6_route(multicast, "eth0"), "eth0"));
    EXPECT_FALSE(has_ipv6_route("", "eth0"));
    EXPECT_FALSE(has_ipv6_route("short line\n", "line"));
}

TEST(InterfaceUse, NamesTheAddressOfARealInterface) {
    // Every network namespace with its loopback up carries this one.
    const FakeSystem system;
    const std::string use = interface_use(system.roots(), "lo");
    if (use.empty()) GTEST_SKIP() << "the loopback interface is down here";
    EXPECT_EQ(use, "it carries the address 127.0.0.1");
}

TEST(InterfaceUse, LooksAtRoutesAndAtWhatIsOnTop) {
    const FakeSystem system;
    const std::string name = "vmq-no-such";  // carries no address for sure
    const auto& roots = system.roots();
    EXPECT_EQ(interface_use(roots, name), "");
    FakeSystem::link("../br0", roots.sys / "class/net" / name / "upper_br0");
    EXPECT_EQ(interface_use(roots, name), "br0 is on top of it");
    FakeSystem::write(roots.proc / "net/ipv6_route", ipv6_route(global, name));
    EXPECT_EQ(interface_use(roots, name), "it carries an IPv6 route");
    FakeSystem::write(roots.proc / "net/route", headings + name + "\t00000000\t0100000A\t0003\n");
    EXPECT_EQ(interface_use(roots, name), "it carries an IPv4 route");
}

}  // namespace vmq::vfio

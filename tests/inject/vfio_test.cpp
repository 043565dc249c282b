// A PCI function on a kernel of the test's own: bound to vfio-pci and unbound, opened, given memory and vectors, and
// closed, while each call in turn fails.
#include <array>
#include <fstream>

#include <gtest/gtest.h>

#include "driver/support/event_fd.hpp"
#include "driver/vfio/binding.hpp"
#include "driver/vfio/function.hpp"
#include "driver/vfio/pci_function.hpp"
#include "tests/inject/fake_kernel.hpp"
#include "tests/inject/trial.hpp"
#include "tests/unit/vfio/fake_system.hpp"

namespace vmq::inject {
namespace {

constexpr const char* nic = "0000:00:04.0";

class FakeNic {
public:
    explicit FakeNic(const char* driver) {
        system_.add_function(nic, "0x1af4", "0x1041");
        system_.set_group(nic, 5);
        system_.add_driver("virtio-pci");
        system_.add_driver("vfio-pci");
        system_.add_interface(nic, "eth0");
        system_.set_driver(nic, driver);
    }

    [[nodiscard]] const vfio::FakeSystem& system() const { return system_; }
    [[nodiscard]] std::string driver() const { return vfio::driver_of(system_.roots(), nic); }
    // What the kernel makes of a write below /sys.
    void take(const std::filesystem::path& file, const std::string& value) const {
        const std::string name = file.filename().string();
        if (name == "driver_override") vfio::FakeSystem::write(file, value == "\n" ? "(null)\n" : value);
        if (name == "unbind") system_.set_driver(nic, "");
        if (name == "bind") system_.set_driver(nic, file.parent_path().filename().string());
        if (name == "drivers_probe" && driver().empty()) system_.set_driver(nic, wanted());
    }

private:
    [[nodiscard]] std::string wanted() const {
        std::string text;
        std::getline(std::ifstream{system_.path(nic) / "driver_override"}, text);
        return text == "(null)" ? "virtio-pci" : text;
    }

    vfio::FakeSystem system_;
};

void bind_and_unbind(Trial& trial) {
    const FakeNic fake{"virtio-pci"};
    vfio::BindingHost host;
    host.roots = fake.system().roots();
    host.interface_use = [](const std::string&) { return std::string{}; };
    host.write = [&](const std::filesystem::path& file, const std::string& value) -> std::error_code {
        if (fails("write", EIO)) return {EIO, std::generic_category()};
        const Doing test{Side::test};
        fake.take(file, value);
        return {};
    };
    const bool bound = trial.insist("bind", [&] { static_cast<void>(vfio::bind_vfio(host, nic, {})); });
    EXPECT_TRUE(fake.driver() == (bound ? "vfio-pci" : "virtio-pci") || !trial.sound()) << trial.story();
    if (!bound) return;
    const bool unbound =
        trial.insist("unbind", [&] { static_cast<void>(vfio::bind_kernel(host, nic, "virtio-pci", false)); });
    EXPECT_TRUE(fake.driver() == (unbound ? "virtio-pci" : "vfio-pci") || !trial.sound()) << trial.story();
}

void open_and_close(Trial& trial, vfio::MemoryOptions options) {
    const FakeNic fake{"vfio-pci"};
    fake_kernel::set_sys(fake.system().roots().sys);
    const std::array<support::EventFd, 4> events;
    const std::array<int, 4> vectors{events[0].fd(), events[1].fd(), events[2].fd(), events[3].fd()};
    std::unique_ptr<vfio::Function> function;
    std::vector<vfio::DmaBuffer> rings, packets;
    std::optional<vfio::DmaBuffer> own;
    alignas(4096) static std::array<std::byte, 8192> application;
    std::array<std::byte, 64> config{};
    static_cast<void>(trial.insist("open", [&] {
        function = vfio::Function::open(nic, options);
    }) && trial.insist("configuration", [&] {
        function->read_config(0, config);
    }) && trial.insist("BAR", [&] {
        static_cast<void>(function->map_bar(0));
    }) && trial.insist("bus mastering", [&] {
        function->enable_bus_mastering();
    }) && trial.insist("rings", [&] {
        rings = function->allocate({16384, 0});
    }) && trial.insist("packets", [&] {
        packets = function->allocate({std::size_t{3} << 20, -1});
    }) && trial.insist("application's memory", [&] {
        own = function->map_memory(application);
    }) && trial.insist("vectors", [&] { static_cast<void>(function->enable_vectors(vectors)); }));
    trial.attempt("close", [&] {
        rings = {};
        packets = {};
        own.reset();
        function.reset();
    });
    fake_kernel::set_sys("");
}

// Without allocations: some of those of std::filesystem are in functions that may not throw.
TEST(InjectVfio, BindAndUnbind) {
    spare_allocations(true);
    fail_every_call(bind_and_unbind);
    spare_allocations(false);
}

TEST(InjectVfio, OpenAndClose) {
    fail_every_call([](Trial& trial) { open_and_close(trial, {}); });
}

TEST(InjectVfio, OpenAndCloseWithoutHugePages) {
    fail_every_call([](Trial& trial) { open_and_close(trial, {.huge_pages = HugePages::never}); });
}

}  // namespace
}  // namespace vmq::inject

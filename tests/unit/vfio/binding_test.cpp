// Binding and unbinding against a sysfs that behaves as the kernel's does: writes, refusals, roll-back.
#include "driver/vfio/binding.hpp"

#include <optional>
#include <set>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/vfio/pci_function.hpp"
#include "tests/unit/vfio/fake_system.hpp"

namespace vmq::vfio {

namespace {

namespace fs = std::filesystem;
constexpr const char* nic = "0000:00:04.0";

// One function, its sysfs, and the kernel's answers to what is written there.
class Binding : public testing::Test {
protected:
    Binding() {
        system_.add_function(nic, "0x1af4", "0x1041");
        system_.set_group(nic, 5);
        system_.set_driver(nic, "virtio-pci");
        system_.add_driver("vfio-pci");
        system_.add_interface(nic, "eth0");
        host_.roots = system_.roots();
        host_.write = [this](const fs::path& file, const std::string& value) { return kernel(file, value); };
        host_.interface_use = [this](const std::string& interface) {
            return interface == "eth0" ? use_ : "wrong name";
        };
    }

    std::error_code kernel(const fs::path& file, const std::string& value) {
        const std::string name = file.filename().string();
        log_.push_back(value.substr(0, value.size() - 1) + " > " +
                       file.lexically_relative(system_.roots().sys).string());
        EXPECT_TRUE(value.ends_with("\n"));
        if (name == failing_) return std::make_error_code(failure_);
        if (name == "driver_override") {
            FakeSystem::write(file, value == "\n" ? "(null)\n" : value);
        } else if (name == "unbind") {
            system_.set_driver(nic, "");
        } else if (name == "drivers_probe") {
            probe();
        } else if (name == "bind") {
            attach(file.parent_path().filename().string());
        } else {
            ADD_FAILURE() << "a write to " << file;
        }
        return {};
    }
    void probe() {
        std::string driver;
        std::getline(std::ifstream{system_.path(nic) / "driver_override"}, driver);
        if (driver == "(null)") driver = "virtio-pci";
        attach(driver);
    }
    void attach(const std::string& name) {
        if (driver().empty() && !refusing_.contains(name)) system_.set_driver(nic, name);
    }
    std::string driver_override() {
        std::string text;
        std::getline(std::ifstream{system_.path(nic) / "driver_override"}, text);
        return text;
    }
    std::string driver() { return driver_of(system_.roots(), nic); }

    std::optional<std::system_error> failure_of_bind(const BindOptions& options = {}) {
        try {
            (void)bind_vfio(host_, nic, options);
        } catch (const std::system_error& error) {
            return error;
        }
        return std::nullopt;
    }
    std::optional<std::system_error> failure_of_unbind() {
        try {
            (void)bind_kernel(host_, nic, "virtio-pci", false);
        } catch (const std::system_error& error) {
            return error;
        }
        return std::nullopt;
    }

    FakeSystem system_;
    BindingHost host_;
    std::string use_;
    std::string failing_;             // the file whose writes fail …
    std::errc failure_{};             // … with this
    std::set<std::string> refusing_;  // drivers whose probe fails
    std::vector<std::string> log_;
};

void expect_text(const std::optional<std::system_error>& error, const std::string& part) {
    ASSERT_TRUE(error);
    EXPECT_NE(std::string{error->what()}.find(part), std::string::npos) << error->what();
}

const std::vector<std::string> writes_of_bind{"vfio-pci > bus/pci/devices/0000:00:04.0/driver_override",
                                              "0000:00:04.0 > bus/pci/devices/0000:00:04.0/driver/unbind",
                                              "0000:00:04.0 > bus/pci/drivers_probe"};

}  // namespace

TEST_F(Binding, BindWritesThreeFilesInOrderAndSaysSo) {
    const auto said = bind_vfio(host_, nic, {});
    EXPECT_EQ(log_, writes_of_bind);
    ASSERT_EQ(said.size(), 3u);
    EXPECT_EQ(said[0], "vfio-pci > " + (system_.path(nic) / "driver_override").string());
    EXPECT_EQ(said[2], "0000:00:04.0 > " + (system_.roots().sys / "bus/pci/drivers_probe").string());
    EXPECT_EQ(driver(), "vfio-pci");
    EXPECT_EQ(driver_override(), "vfio-pci");
}

TEST_F(Binding, DryRunSaysTheSameAndWritesNothing) {
    const auto would = bind_vfio(host_, nic, {.force = false, .dry_run = true});
    EXPECT_TRUE(log_.empty());
    EXPECT_EQ(driver(), "virtio-pci");
    EXPECT_EQ(would, bind_vfio(host_, nic, {}));
}

TEST_F(Binding, NothingToDoWhenBoundAlready) {
    system_.set_driver(nic, "vfio-pci");
    EXPECT_TRUE(bind_vfio(host_, nic, {}).empty());
    system_.set_driver(nic, "virtio-pci");
    EXPECT_TRUE(bind_kernel(host_, nic, "virtio-pci", false).empty());
    EXPECT_TRUE(log_.empty());
}

TEST_F(Binding, NoUnbindWriteWhenNoDriverHasIt) {
    system_.set_driver(nic, "");
    EXPECT_EQ(bind_vfio(host_, nic, {}).size(), 2u);
    EXPECT_EQ(driver(), "vfio-pci");
}

TEST_F(Binding, InterfaceInUseIsRefusedUnlessForced) {
    use_ = "it carries the address 10.0.0.7";
    const auto error = failure_of_bind();
    expect_text(error, "eth0 (it carries the address 10.0.0.7; ");
    EXPECT_EQ(error->code(), Errc::interface_in_use);
    EXPECT_TRUE(failure_of_bind({.force = false, .dry_run = true}));
    EXPECT_TRUE(log_.empty());
    EXPECT_EQ(driver(), "virtio-pci");
    EXPECT_FALSE(failure_of_bind({.force = true, .dry_run = false}));
    EXPECT_EQ(driver(), "vfio-pci");
}

TEST_F(Binding, MissingModuleSaysHowToLoadIt) {
    fs::remove_all(system_.driver_path("vfio-pci"));
    expect_text(failure_of_bind(), "modprobe vfio-pci");
    EXPECT_TRUE(log_.empty());
}

TEST_F(Binding, NoIommuGroupSaysHowToGetOne) {
    fs::remove(system_.path(nic) / "iommu_group");
    expect_text(failure_of_bind(), "intel_iommu=on");
    system_.set_noiommu_mode("N");
    expect_text(failure_of_bind(), "enable_unsafe_noiommu_mode");
    EXPECT_TRUE(log_.empty());
}

TEST_F(Binding, NeedsNoGroupWhileVfioMakesThemUp) {
    fs::remove(system_.path(nic) / "iommu_group");
    system_.set_noiommu_mode("Y");
    EXPECT_FALSE(failure_of_bind());
    EXPECT_EQ(driver(), "vfio-pci");
}

TEST_F(Binding, RefusedByVfioTheFormerDriverHasItAgain) {
    refusing_ = {"vfio-pci"};
    expect_text(failure_of_bind(), "vfio-pci did not take it (dmesg may say why; virtio-pci has it again)");
    EXPECT_EQ(driver(), "virtio-pci");
    EXPECT_EQ(driver_override(), "(null)");
}

TEST_F(Binding, RollBackThatFailsIsSaid) {
    refusing_ = {"vfio-pci", "virtio-pci"};
    expect_text(failure_of_bind(), "no driver has it now");
    EXPECT_EQ(driver_override(), "(null)");
}

TEST_F(Binding, RollBackKeepsAnOverrideThatWasThere) {
    FakeSystem::write(system_.path(nic) / "driver_override", "virtio-pci\n");
    refusing_ = {"vfio-pci"};
    EXPECT_TRUE(failure_of_bind());
    EXPECT_EQ(driver_override(), "virtio-pci");
    EXPECT_EQ(driver(), "virtio-pci");
}

TEST_F(Binding, FailedWriteIsUndone) {
    for (const auto* file : {"unbind", "drivers_probe"}) {
        failing_ = file;
        failure_ = std::errc::invalid_argument;
        system_.set_driver(nic, "virtio-pci");
        const auto error = failure_of_bind();
        expect_text(error, file);
        EXPECT_EQ(error->code(), std::errc::invalid_argument);
        EXPECT_EQ(driver_override(), "(null)") << file;
        EXPECT_EQ(driver(), "virtio-pci") << file;
    }
}

TEST_F(Binding, NotPermittedKeepsItsCodeAndChangesNothing) {
    failing_ = "driver_override";
    failure_ = std::errc::permission_denied;
    const auto error = failure_of_bind();
    expect_text(error, "run as root");
    EXPECT_EQ(error->code(), std::errc::permission_denied);
    EXPECT_EQ(driver(), "virtio-pci");
}

TEST_F(Binding, UnbindClearsTheOverrideAndGivesItBack) {
    (void)bind_vfio(host_, nic, {});
    const auto said = bind_kernel(host_, nic, "virtio-pci", false);
    ASSERT_EQ(said.size(), 3u);
    EXPECT_EQ(said[0], "\"\" > " + (system_.path(nic) / "driver_override").string());
    EXPECT_EQ(driver(), "virtio-pci");
    EXPECT_EQ(driver_override(), "(null)");
}

TEST_F(Binding, UnbindThatFailsLeavesItWithVfio) {
    (void)bind_vfio(host_, nic, {});
    refusing_ = {"virtio-pci"};
    expect_text(failure_of_unbind(), "virtio-pci did not take it (dmesg may say why; vfio-pci has it again)");
    EXPECT_EQ(driver(), "vfio-pci");
    EXPECT_EQ(driver_override(), "vfio-pci");
}

TEST_F(Binding, UnbindIsRefusedWhileAProcessHasTheGroup) {
    system_.set_driver(nic, "vfio-pci");
    system_.add_process(42, "mqperf", "/dev/vfio/5");
    const auto error = failure_of_unbind();
    expect_text(error, "process 42 (mqperf)");
    EXPECT_EQ(error->code(), Errc::busy);
    EXPECT_TRUE(log_.empty());
}

TEST_F(Binding, UnbindNeedsTheKernelsDriver) {
    system_.set_driver(nic, "vfio-pci");
    fs::remove_all(system_.driver_path("virtio-pci"));
    expect_text(failure_of_unbind(), "modprobe virtio-pci");
}

TEST(WriteFile, WritesOnceAndReportsWhy) {
    const FakeSystem system;
    const auto file = system.roots().sys / "value";
    EXPECT_EQ(write_file(file, "1\n"), std::errc::no_such_file_or_directory);
    FakeSystem::write(file, "");
    EXPECT_FALSE(write_file(file, "1\n"));
    std::string text;
    std::getline(std::ifstream{file}, text);
    EXPECT_EQ(text, "1");
}

}  // namespace vmq::vfio

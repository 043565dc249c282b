// A /sys and a /proc of a test's own, in a temporary folder that goes with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "driver/vfio/system_roots.hpp"

namespace vmq::vfio {

class FakeSystem {
public:
    FakeSystem() {
        std::string name = (std::filesystem::temp_directory_path() / "vmq-system-XXXXXX").string();
        base_ = ::mkdtemp(name.data());
        roots_ = {base_ / "sys", base_ / "proc"};
        std::filesystem::create_directories(roots_.sys / "bus/pci/devices");
        std::filesystem::create_directories(roots_.proc);
    }
    ~FakeSystem() { std::filesystem::remove_all(base_); }
    FakeSystem(const FakeSystem&) = delete;
    FakeSystem& operator=(const FakeSystem&) = delete;

    [[nodiscard]] const SystemRoots& roots() const { return roots_; }

    // As the kernel lays it out: the function below its bridge, a link to it from the bus.
    void add_function(const std::string& address, const std::string& vendor, const std::string& device) const {
        const auto folder = roots_.sys / "devices/pci0000:00" / address;
        std::filesystem::create_directories(folder);
        write(folder / "vendor", vendor + "\n");
        write(folder / "device", device + "\n");
        write(folder / "driver_override", "(null)\n");
        link(folder, path(address));
    }
    void add_driver(const std::string& name) const { std::filesystem::create_directories(driver_path(name)); }
    void set_driver(const std::string& address, const std::string& name) const {
        std::filesystem::remove(path(address) / "driver");
        if (name.empty()) return;
        add_driver(name);
        link(driver_path(name), path(address) / "driver");
    }
    void set_group(const std::string& address, int number) const {
        const auto group = roots_.sys / "kernel/iommu_groups" / std::to_string(number);
        std::filesystem::create_directories(group / "devices");
        link(group, path(address) / "iommu_group");
        link(path(address), group / "devices" / address);
    }
    void name_group(int number, const std::string& name) const {
        write(roots_.sys / "kernel/iommu_groups" / std::to_string(number) / "name", name + "\n");
    }
    // A count of huge pages of so many KiB ("2048", "free_hugepages").
    void set_huge_pages(const std::string& size, const std::string& file, unsigned count) const {
        write(roots_.sys / "kernel/mm/hugepages" / ("hugepages-" + size + "kB") / file, std::to_string(count) + "\n");
    }
    // Where the kernel's switch for no-IOMMU groups stands.
    void set_noiommu_mode(const std::string& value) const {
        write(roots_.sys / "module/vfio/parameters/enable_unsafe_noiommu_mode", value + "\n");
    }
    // An interface on the virtio device of a function.
    void add_interface(const std::string& address, const std::string& name) const {
        const auto virtio = roots_.sys / "devices/pci0000:00" / address / "virtio0";
        std::filesystem::create_directories(virtio / "net" / name);
        link(virtio, virtio / "net" / name / "device");
        std::filesystem::create_directories(roots_.sys / "class/net");
        link(virtio / "net" / name, roots_.sys / "class/net" / name);
    }
    void add_process(int id, const std::string& command, const std::string& open_file) const {
        const auto process = roots_.proc / std::to_string(id);
        std::filesystem::create_directories(process / "fd");
        write(process / "comm", command + "\n");
        link("/dev/null", process / "fd/0");
        link(open_file, process / "fd/7");
    }

    [[nodiscard]] std::filesystem::path path(const std::string& address) const {
        return roots_.sys / "bus/pci/devices" / address;
    }
    [[nodiscard]] std::filesystem::path driver_path(const std::string& name) const {
        return roots_.sys / "bus/pci/drivers" / name;
    }
    static void write(const std::filesystem::path& file, const std::string& text) {
        std::filesystem::create_directories(file.parent_path());
        std::ofstream{file} << text;
    }
    static void link(const std::filesystem::path& target, const std::filesystem::path& name) {
        std::filesystem::create_directories(name.parent_path());
        std::filesystem::create_symlink(target, name);
    }

private:
    std::filesystem::path base_;
    SystemRoots roots_;
};

}  // namespace vmq::vfio

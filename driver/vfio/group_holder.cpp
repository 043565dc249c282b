// Who has a VFIO group open: found through /proc, as VFIO itself only says EBUSY.
#include "driver/vfio/group_holder.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace vmq::vfio {

namespace fs = std::filesystem;

namespace {

std::optional<int> whole_number(std::string_view text) {
    int number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

std::string command_of(const fs::path& process) {
    std::string name;
    std::ifstream stream{process / "comm"};
    std::getline(stream, name);
    return name;
}

// The group behind an open descriptor, if it is one ("/dev/vfio/7", "/dev/vfio/noiommu-7").
std::optional<int> group_behind(const fs::path& descriptor) {
    constexpr std::string_view folder = "/dev/vfio/";
    std::error_code failure;
    const std::string target = fs::read_symlink(descriptor, failure).string();
    if (failure || !target.starts_with(folder)) return std::nullopt;
    std::string_view name = std::string_view{target}.substr(folder.size());
    if (constexpr std::string_view mark = "noiommu-"; name.starts_with(mark)) name.remove_prefix(mark.size());
    return whole_number(name);
}

}  // namespace

std::map<int, GroupHolder> group_holders(const SystemRoots& roots) {
    // Processes end and descriptors close while we look; whatever cannot be read is passed over.
    std::map<int, GroupHolder> holders;
    std::error_code failure;
    for (fs::directory_iterator process{roots.proc, failure}, end; !failure && process != end;
         process.increment(failure)) {
        const auto id = whole_number(process->path().filename().string());
        if (!id) continue;
        std::error_code hidden;
        for (fs::directory_iterator fd{process->path() / "fd", hidden}; !hidden && fd != end; fd.increment(hidden))
            if (const auto group = group_behind(fd->path()))
                holders.try_emplace(*group, GroupHolder{*id, command_of(process->path())});
    }
    return holders;
}

GroupHolder holder_of_group(const SystemRoots& roots, int group) {
    const auto holders = group_holders(roots);
    const auto found = holders.find(group);
    return found == holders.end() ? GroupHolder{} : found->second;
}

std::string busy_cure(const GroupHolder& holder) {
    if (holder.process_id == 0) return "held by a process that only root can see; find it as root with: mqctl list";
    return "held by process " + std::to_string(holder.process_id) + " (" + holder.process_name + "): stop it first";
}

}  // namespace vmq::vfio

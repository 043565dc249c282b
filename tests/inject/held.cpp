// Reading it from /proc, and from the counts of the definitions that stand in the place of libc's.
#include "tests/inject/held.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <dirent.h>
#include <fstream>
#include <sstream>
#include <unistd.h>
#include <vector>

#include "tests/inject/fake_kernel.hpp"
#include "tests/inject/injector.hpp"

namespace vmq::inject {
namespace {

std::vector<std::string> names_in(const char* path) {
    std::vector<std::string> names;
    DIR* const folder = ::opendir(path);
    const std::string itself = std::to_string(::dirfd(folder));
    while (const dirent* const entry = ::readdir(folder))
        if (entry->d_name[0] != '.' && entry->d_name != itself) names.emplace_back(entry->d_name);
    ::closedir(folder);
    return names;
}

std::map<int, std::string> descriptors() {
    std::map<int, std::string> found;
    for (const std::string& name : names_in("/proc/self/fd")) {
        std::array<char, 256> target{};
        const std::string link = "/proc/self/fd/" + name;
        if (::readlink(link.c_str(), target.data(), target.size() - 1) > 0) found[std::stoi(name)] = target.data();
    }
    // Sockets and the like have a number that differs from one to the next.
    for (auto& [fd, target] : found) target = target.substr(0, target.find('['));
    return found;
}

std::map<std::string, int> file_mappings() {
    std::map<std::string, int> found;
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        std::istringstream words{line};
        std::string range, permissions, offset, device, inode, path;
        words >> range >> permissions >> offset >> device >> inode >> path;
        if (permissions.ends_with('s')) ++found[path];
    }
    return found;
}

void compare(std::string& text, const char* what, long before, long after) {
    if (before != after) text += std::to_string(after - before) + " " + what + "; ";
}

template <typename Key>
std::string in_words(const Key& key) {
    if constexpr (std::is_integral_v<Key>)
        return std::to_string(key);
    else
        return key;
}

template <typename Map>
void compare(std::string& text, const char* what, const Map& before, const Map& after) {
    const auto list = [&](const Map& from, const Map& other, const char* sign) {
        for (const auto& [key, value] : from)
            if (const auto same = other.find(key); same == other.end() || same->second != value)
                text += std::string{sign} + what + " " + in_words(key) + " " + in_words(value) + "; ";
    };
    list(after, before, "+");
    list(before, after, "-");
}

}  // namespace

Held held() {
    Held now;
    now.descriptors = descriptors();
    now.threads = static_cast<long>(names_in("/proc/self/task").size());
    now.file_mappings = file_mappings();
    now.mappings = live_mappings();
    now.dma_mappings = fake_kernel::live_dma_mappings();
    return now;
}

std::string difference(const Held& before, const Held& after) {
    std::string text;
    compare(text, "descriptor", before.descriptors, after.descriptors);
    compare(text, "threads", before.threads, after.threads);
    compare(text, "mapping of", before.file_mappings, after.file_mappings);
    compare(text, "mappings", before.mappings, after.mappings);
    compare(text, "DMA mappings", before.dma_mappings, after.dma_mappings);
    return text;
}

}  // namespace vmq::inject

// A throw-away folder that stands in for /proc and /sys.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "affinity/system_files.hpp"

namespace vmq::affinity {

class FakeTree {
public:
    FakeTree() {
        std::string pattern = (std::filesystem::temp_directory_path() / "vmq-affinity-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::system_category(), pattern);
        root_ = pattern;
    }
    FakeTree(const FakeTree&) = delete;
    FakeTree& operator=(const FakeTree&) = delete;
    ~FakeTree() {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    [[nodiscard]] SystemPaths paths() const { return {root_ / "proc", root_ / "sys"}; }

    // `path` starts with "proc/" or "sys/".
    void write(std::string_view path, std::string_view text) const {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    void link(std::string_view path, const std::filesystem::path& target) const {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::filesystem::create_symlink(target, root_ / path);
    }
    void remove(std::string_view path) const { std::filesystem::remove_all(root_ / path); }
    [[nodiscard]] std::string read(std::string_view path) const {
        std::ifstream file(root_ / path);
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    std::filesystem::path root_;
};

}  // namespace vmq::affinity

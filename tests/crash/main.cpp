// Tests of what is left when an application ends in a way that it did not mean to: vmq_crash [--times N], of SIGKILLs.
// Started again with --application SOCKET LIFE it is the application.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "tests/crash/application.hpp"
#include "tests/crash/lives.hpp"

namespace {

unsigned times = 50;

}  // namespace

unsigned vmq::crash::lives_to_live() { return times; }

int main(int argc, char** argv) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    try {
        if (argc == 4 && argv[1] == std::string_view{"--application"})
            return vmq::crash::run_application(argv[2], std::stoull(argv[3]));
        testing::InitGoogleTest(&argc, argv);
        if (argc == 3 && argv[1] == std::string_view{"--times"}) times = static_cast<unsigned>(std::stoul(argv[2]));
        return RUN_ALL_TESTS();
    } catch (const std::exception& error) {
        std::printf("%s\n", error.what());
        return 1;
    }
}

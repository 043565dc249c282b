// What the fuzzers begin with does what its name says: every seed gets as far as it should, and the targets' promises
// hold. With VMQ_FUZZ_SEEDS set the seeds are written there, a folder for each target.
#include "tests/fuzz/harness/seeds.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "driver/support/barriers.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::fuzz {
namespace {

void run_seeds(std::string_view name) {
    for (const SeededTarget& target : all_targets()) {
        if (target.name != name) continue;
        for (const Seed& seed : target.seeds) EXPECT_EQ(target.target(seed.input), seed.through) << seed.name;
        return;
    }
    FAIL() << "no target " << name;
}

TEST(FuzzSeeds, OfSplitRings) { run_seeds("split_ring"); }
TEST(FuzzSeeds, OfPackedRings) { run_seeds("packed_ring"); }
TEST(FuzzSeeds, OfPci) { run_seeds("pci"); }
TEST(FuzzSeeds, OfOffloads) { run_seeds("offload"); }
TEST(FuzzSeeds, OfVhost) { run_seeds("vhost"); }
TEST(FuzzSeeds, OfCommandLines) { run_seeds("command_line"); }

// The other side of these answers in a signal, which TSan delivers late.
#if !VMQ_THREAD_SANITIZER
TEST(FuzzSeeds, OfControlReplies) { run_seeds("control_reply"); }
TEST(FuzzSeeds, OfTheControlSocket) { run_seeds("control_socket"); }
#endif

TEST(FuzzSeeds, AreWritten) {
    const vhost::Folder folder;
    const char* const wanted = std::getenv("VMQ_FUZZ_SEEDS");
    const std::filesystem::path path = wanted != nullptr ? wanted : folder.path();
    write_seeds(path);
    for (const SeededTarget& target : all_targets()) {
        std::set<std::string> names;
        for (const Seed& seed : target.seeds) {
            EXPECT_TRUE(names.insert(seed.name).second) << target.name << '/' << seed.name << " is there twice";
            std::ifstream file(path / target.name / seed.name, std::ios::binary);
            const std::string content{std::istreambuf_iterator<char>(file), {}};
            EXPECT_EQ(content, std::string(reinterpret_cast<const char*>(seed.input.data()), seed.input.size()))
                << target.name << '/' << seed.name;
        }
    }
}

}  // namespace
}  // namespace vmq::fuzz

// Pinning real threads on this machine's CPUs.
#include "affinity/thread.hpp"

#include <sched.h>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>

namespace vmq::affinity {
namespace {

TEST(Thread, PinsToEachCpuItMayUse) {
    const std::jthread worker([] {
        for (const CpuId cpu : thread_affinity().to_vector()) {
            EXPECT_EQ(pin_thread(cpu), CpuSet{cpu});
            EXPECT_EQ(thread_affinity(), CpuSet{cpu});
            EXPECT_EQ(::sched_getcpu(), static_cast<int>(cpu.value));
        }
    });
}

TEST(Thread, PinsOnlyTheCallingThreadAndCanBeUndone) {
    const CpuSet before = thread_affinity();
    std::thread([&] {
        pin_thread(before.to_vector().back());
        EXPECT_EQ(pin_thread(before), before);
    }).join();
    EXPECT_EQ(thread_affinity(), before);
}

TEST(Thread, ASetIsCutToWhatExists) {
    const std::jthread worker([] {
        const CpuSet before = thread_affinity();
        EXPECT_EQ(pin_thread(before | CpuSet{CpuId{4095}}), before);
    });
}

TEST(Thread, RefusalNamesTheCpus) {
    const CpuSet before = thread_affinity();
    for (const CpuSet& bad : {CpuSet{CpuId{4094}, CpuId{4095}}, CpuSet{}}) {
        try {
            pin_thread(bad);
            ADD_FAILURE() << "accepted";
        } catch (const std::system_error& error) {
            EXPECT_EQ(error.code(), std::errc::invalid_argument);
            EXPECT_NE(std::string(error.what()).find('"' + bad.to_string() + '"'), std::string::npos) << error.what();
        }
    }
    EXPECT_EQ(thread_affinity(), before);
}

}  // namespace
}  // namespace vmq::affinity

// Pinning real threads on this machine's CPUs, and keeping those that own queue pairs there.
#include "affinity/thread.hpp"

#include <atomic>
#include <sched.h>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "driver/device_factory.hpp"
#include "tests/unit/net/fixture.hpp"

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

TEST(Thread, AnotherThreadIsPinnedByItsNumber) {
    std::atomic<int> id{0};
    std::atomic<bool> done{false};
    std::jthread worker([&] {
        id = ::gettid();
        done.wait(false);
    });
    while (id == 0) std::this_thread::yield();
    const CpuSet before = thread_affinity();
    const CpuId last = before.to_vector().back();
    EXPECT_EQ(thread_affinity(id), before);
    EXPECT_EQ(pin_thread(last, id), CpuSet{last});
    EXPECT_EQ(thread_affinity(id), CpuSet{last});
    EXPECT_EQ(thread_affinity(), before) << "not the calling one";
    done = true;
    done.notify_all();
}

TEST(Thread, AThreadOfAnotherProcessIsLeftAlone) {
    for (const int stranger : {1, 0x7ffffffe}) {
        try {
            pin_thread(thread_affinity(), stranger);
            ADD_FAILURE() << "accepted";
        } catch (const std::system_error& error) {
            EXPECT_EQ(error.code(), std::errc::no_such_process);
            EXPECT_NE(std::string(error.what()).find("thread " + std::to_string(stranger)), std::string::npos);
        }
        EXPECT_THROW(static_cast<void>(thread_affinity(stranger)), std::system_error);
    }
}

}  // namespace
}  // namespace vmq::affinity

namespace vmq {
namespace {

using affinity::CpuId;
using affinity::CpuSet;

// Threads that own queue pairs, under the control thread's eyes.
class OwnerThread : public NetTest {
protected:
    OwnerThread() {
        options.placement = PlacementPolicy::automatic;
        options.pin_threads = true;
        options.cpus = std::to_string(cpus.front().value);
    }

    const CpuSet mine = affinity::thread_affinity();
    const std::vector<CpuId> cpus = mine.to_vector();
};

TEST_F(OwnerThread, ThatSomethingElseMovesIsPutBack) {
    if (cpus.size() < 2) GTEST_SKIP() << "one CPU only";
    open();
    const Owner owner(*vmq, 0, drop_packets);
    const int thread = vmq->info().pairs[0].thread_id;
    const CpuSet home{cpus.front()};
    EXPECT_EQ(affinity::thread_affinity(thread), home);
    EXPECT_EQ(vmq->info().pairs[0].thread_cpu, static_cast<int>(cpus.front().value));
    affinity::pin_thread(cpus.back(), thread);
    EXPECT_TRUE(eventually([&] { return affinity::thread_affinity(thread) == home; }));
    const std::string line =
        "thread " + std::to_string(thread) + " of queue pair 0 was moved to CPU " + std::to_string(cpus.back().value);
    EXPECT_TRUE(eventually([&] { return logged(line); }));
}

// Else two devices would send it to and fro.
TEST_F(OwnerThread, ThatOwnsPairsOfTwoDevicesStaysWithTheOneItTookLast) {
    if (cpus.size() < 2) GTEST_SKIP() << "one CPU only";
    open();
    software::NetDevice other_device{{}};
    Options other_options = options;
    other_options.cpus = std::to_string(cpus.back().value);
    Device other = DeviceFactory::open(other_device.transport(), other_options);
    const std::jthread owner([&] {
        {
            const QueuePair first = vmq->take_queue_pair(0);
            const QueuePair last = other.take_queue_pair(0);
            for (const auto end = std::chrono::steady_clock::now() + 2500ms; std::chrono::steady_clock::now() < end;) {
                ASSERT_EQ(affinity::thread_affinity(), CpuSet{cpus.back()});
                std::this_thread::sleep_for(10ms);
            }
        }
        EXPECT_EQ(affinity::thread_affinity(), CpuSet{cpus.back()});
    });
}

TEST_F(OwnerThread, ThatGaveItsPairBackIsLeftAlone) {
    open();
    static_cast<void>(vmq->take_queue_pair(0));
    affinity::pin_thread(mine);
    std::this_thread::sleep_for(1500ms);
    EXPECT_EQ(affinity::thread_affinity(), mine);
    EXPECT_EQ(vmq->info().pairs[0].thread_cpu, -1);
    EXPECT_FALSE(logged("was moved"));
}

TEST_F(OwnerThread, IsNotPinnedWhenTheOptionsSaySo) {
    options.pin_threads = false;
    open();
    const QueuePair pair = vmq->take_queue_pair(0);
    std::this_thread::sleep_for(1500ms);
    EXPECT_EQ(affinity::thread_affinity(), mine);
    EXPECT_EQ(pair.cpu(), static_cast<int>(cpus.front().value));
}

}  // namespace
}  // namespace vmq

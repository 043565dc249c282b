// Other ways in which a process may get between a device and its driver: fork, exec, a thread that ends with its pair,
// a second opener. faults.md 30 to 32.
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <pthread.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include <vmq/device.hpp>
#include <vmq/error.hpp>

#include "tests/bench/backend/echo.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::crash {
namespace {

using namespace std::chrono_literals;

class CrashProcess : public testing::Test {
protected:
    CrashProcess() : peer(socket) {
        options.queue_pairs = 2;
        options.huge_pages = HugePages::never;
        options.pin_threads = false;
        options.ring_size = 64;
        options.buffers_per_pair = 256;
        options.control_socket = socket + "-control";
        device.emplace(Device::open("vhost-user:" + socket, options));
    }
    void expect_works(unsigned index) {
        QueuePair pair = device->take_queue_pair(index);
        Batch batch;
        ASSERT_EQ(pair.allocate(batch, 1, 100), 1u);
        ASSERT_EQ(pair.send(batch), 1u);
        for (int i = 0; i < 1000 && pair.recv(batch) == 0; ++i) pair.wait(10ms);
        EXPECT_EQ(batch.size(), 1u);
    }
    // How a forked child ends that does this.
    template <typename Action>
    static int fork_to(Action action) {
        const pid_t child = ::fork();
        if (child == 0) {
            action();
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return status;
    }

    vhost::Folder folder;
    std::string socket = folder.path() / "backend";
    bench::Echo peer;
    Options options;
    std::optional<Device> device;
};

TEST_F(CrashProcess, AForkedChildHasNoPartInTheDevice) {
    {
        QueuePair pair = device->take_queue_pair(0);
        Batch batch;
        ASSERT_EQ(pair.allocate(batch, 1, 100), 1u);
        volatile std::byte* const memory = batch[0].bytes().data();
        const int reads = fork_to([&] {
            ::signal(SIGSEGV, SIG_DFL);
            static_cast<void>(*memory);
        });
        ASSERT_TRUE(WIFSIGNALED(reads)) << "the child has the packet memory";
        EXPECT_EQ(WTERMSIG(reads), SIGSEGV);
        *memory = std::byte{1};
    }
    for (int i = 0; i < 10; ++i) EXPECT_EQ(fork_to([] {}), 0);
    expect_works(0);
    expect_works(1);
    device->set_queue_pairs(1);
    expect_works(0);
}

TEST_F(CrashProcess, AProgramThatIsExecutedHasNoneOfItsDescriptors) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const int status = fork_to([&] {
        ::dup2(ends[1], STDOUT_FILENO);
        ::execl("/bin/sh", "sh", "-c", "for f in /proc/$$/fd/*; do readlink $f || :; done", nullptr);
        ::_exit(1);
    });
    ::close(ends[1]);
    std::string text;
    std::array<char, 4096> chunk;
    for (ssize_t n; (n = ::read(ends[0], chunk.data(), chunk.size())) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(n));
    ::close(ends[0]);
    ASSERT_EQ(status, 0);
    EXPECT_NE(text.find("pipe:"), std::string::npos) << "it has told its descriptors";
    for (const char* ours : {"memfd", "anon_inode", "socket:", "/dev/vfio"})
        EXPECT_EQ(text.find(ours), std::string::npos) << text;
    expect_works(0);
}

TEST_F(CrashProcess, APairWhoseThreadEndedMayBeTakenAgain) {
    for (int i = 0; i < 20; ++i) {
        std::thread{[&] {
            const QueuePair pair = device->take_queue_pair(0);
            ::pthread_exit(nullptr);
        }}.join();
    }
    expect_works(0);
}

TEST_F(CrashProcess, ASecondOpenerOfTheControlSocketIsRefusedAndTold) {
    const std::string other = folder.path() / "other";
    const bench::Echo other_peer{other};
    try {
        static_cast<void>(Device::open("vhost-user:" + other, options));
        ADD_FAILURE() << "opened";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), Errc::busy);
        EXPECT_NE(std::strstr(error.what(), options.control_socket->c_str()), nullptr) << error.what();
    }
    expect_works(0);
}

TEST_F(CrashProcess, ASecondOpenerOfTheDeviceIsRefusedInTime) {
    options.control_socket = std::nullopt;
    options.command_deadline = 200ms;
    options.connect_deadline = 200ms;
    try {
        static_cast<void>(Device::open("vhost-user:" + socket, options));
        ADD_FAILURE() << "opened";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), Errc::device_timeout);
        EXPECT_NE(std::strstr(error.what(), "busy with another frontend"), nullptr) << error.what();
    }
    expect_works(0);
}

}  // namespace
}  // namespace vmq::crash

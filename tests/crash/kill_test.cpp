// An application that is killed under traffic, again and again: the next one finds a device without a trace of it, and
// the device has written nowhere but where it was told to. faults.md 29.
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "driver/support/mapping.hpp"
#include "driver/support/unique_fd.hpp"
#include "tests/bench/backend/echo.hpp"
#include "tests/crash/canary.hpp"
#include "tests/crash/lives.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::crash {
namespace {

using namespace std::chrono_literals;
using support::UniqueFd;

constexpr int patience_ms = 20'000;

class Application {
public:
    Application(const std::string& socket, std::uint64_t life) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        said_.reset(ends[0]);
        const UniqueFd writes{ends[1]};
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, writes.get(), STDOUT_FILENO);
        std::string program = "/proc/self/exe", word = "--application", path = socket, number = std::to_string(life);
        std::array<char*, 5> words{program.data(), word.data(), path.data(), number.data(), nullptr};
        EXPECT_EQ(::posix_spawn(&process_, program.c_str(), &actions, nullptr, words.data(), environ), 0);
        ::posix_spawn_file_actions_destroy(&actions);
    }
    ~Application() { end(SIGKILL); }
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    // The number of canaries that it has made; nothing when it does not come to traffic.
    std::size_t await_ready() {
        pollfd waiting{said_.get(), POLLIN, 0};
        std::array<char, 256> text{};
        if (::poll(&waiting, 1, patience_ms) != 1 || ::read(said_.get(), text.data(), text.size() - 1) <= 0) return 0;
        std::size_t canaries = 0;
        if (std::sscanf(text.data(), "ready %zu", &canaries) != 1) ADD_FAILURE() << text.data();
        return canaries;
    }
    // The memory that it shares with the device, which is there as long as anybody has it open.
    [[nodiscard]] std::vector<UniqueFd> shared_memory() const {
        std::vector<UniqueFd> files;
        const std::filesystem::path folder = "/proc/" + std::to_string(process_) + "/fd";
        for (const auto& entry : std::filesystem::directory_iterator{folder}) {
            std::error_code gone;
            if (std::filesystem::read_symlink(entry, gone).string().starts_with("/memfd:vmq"))
                files.emplace_back(::open(entry.path().c_str(), O_RDWR | O_CLOEXEC));
        }
        return files;
    }
    // Sends the signal and tells what it died of.
    int end(int signal) {
        if (process_ <= 0) return 0;
        ::kill(process_, signal);
        int status = 0;
        ::waitpid(process_, &status, 0);
        process_ = -1;
        return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
    }

private:
    pid_t process_ = -1;
    UniqueFd said_;
};

// What a life leaves to look at.
struct Estate {
    std::vector<UniqueFd> files;
    std::size_t canaries = 0;

    [[nodiscard]] CanaryCount look() const {
        CanaryCount sum;
        for (const UniqueFd& file : files) {
            struct stat status {};
            ::fstat(file.get(), &status);
            const auto size = static_cast<std::size_t>(status.st_size);
            void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
            const support::Mapping memory{address, size};
            const CanaryCount count = count_canaries(memory.bytes());
            sum.whole += count.whole;
            sum.damaged += count.damaged;
        }
        return sum;
    }
};

void expect_untouched(const Estate& estate, unsigned life) {
    const CanaryCount found = estate.look();
    EXPECT_EQ(found.whole, estate.canaries) << "life " << life;
    EXPECT_EQ(found.damaged, 0u) << "life " << life;
}

// Split and packed rings in turn.
void live_and_die(unsigned lives, int signal) {
    const vhost::Folder folder;
    const std::string socket = folder.path() / "backend";
    const bench::Echo peer{socket};
    std::minstd_rand random{1};
    Estate estate;
    for (unsigned life = 0; life < lives && !testing::Test::HasFailure(); ++life) {
        Application application{socket, life};
        const std::size_t canaries = application.await_ready();
        ASSERT_GT(canaries, 0u) << "life " << life << " does not come to traffic";
        // By now the device has let go of the one before.
        if (life > 0) expect_untouched(estate, life - 1);
        estate = {application.shared_memory(), canaries};
        ASSERT_FALSE(estate.files.empty());
        std::this_thread::sleep_for(std::chrono::microseconds{random() % 10'000});
        ASSERT_EQ(application.end(signal), signal);
    }
    Application last{socket, lives};
    ASSERT_GT(last.await_ready(), 0u);
    expect_untouched(estate, lives);
}

TEST(Crash, KilledUnderTraffic) { live_and_die(lives_to_live(), SIGKILL); }

TEST(Crash, SegmentationFaultUnderTraffic) { live_and_die(5, SIGSEGV); }

// The check itself: one byte, anywhere on such a page.
TEST(Crash, ATouchedCanaryIsSeen) {
    std::vector<std::byte> memory(4 * page);
    make_canary(memory.data() + page);
    EXPECT_EQ(count_canaries(memory).whole, 1u);
    EXPECT_EQ(count_canaries(memory).damaged, 0u);
    for (const std::size_t at : {std::size_t{0}, std::size_t{2000}, page - 1}) {
        std::byte& touched = memory[page + at];
        touched ^= std::byte{1};
        EXPECT_EQ(count_canaries(memory).whole, 0u) << at;
        EXPECT_EQ(count_canaries(memory).damaged, 1u) << at;
        touched ^= std::byte{1};
    }
}

}  // namespace
}  // namespace vmq::crash

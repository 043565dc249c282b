// Talking to irqbalance: a small server with its protocol, and what must not happen where there is none.
#include "affinity/irqbalance.hpp"

#include <atomic>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/unit/affinity/fake_tree.hpp"

namespace vmq::affinity {
namespace {

using Irqs = std::vector<unsigned>;

// Serves one request for each connection, as irqbalance does.
class FakeIrqbalance {
public:
    enum class Manner { obliging, stubborn, root_only, silent };

    FakeIrqbalance(std::string name, bool is_abstract, Irqs banned, Manner manner = Manner::obliging)
        : manner_(manner), banned_(std::move(banned)), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const std::string path = is_abstract ? '\0' + name : name;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        const auto length =
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
        const int on = 1;
        EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length), 0) << std::strerror(errno);
        EXPECT_EQ(::setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
        EXPECT_EQ(::listen(fd_, 1), 0);
        server_ = std::thread([this] { serve(); });
    }
    FakeIrqbalance(const FakeIrqbalance&) = delete;
    FakeIrqbalance& operator=(const FakeIrqbalance&) = delete;
    ~FakeIrqbalance() {
        ::shutdown(fd_, SHUT_RDWR);
        server_.join();
        ::close(fd_);
    }

    [[nodiscard]] Irqs banned() const {
        const std::scoped_lock lock(mutex_);
        return banned_;
    }
    [[nodiscard]] int changes() const { return changes_; }

private:
    void serve() {
        for (;;) {
            const int connection = ::accept(fd_, nullptr, nullptr);
            if (connection < 0) return;
            answer(connection);
            ::close(connection);
        }
    }

    void answer(int connection) {
        std::array<char, 4096> text;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control;
        iovec part{text.data(), text.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t got = ::recvmsg(connection, &message, 0);
        if (got <= 0 || manner_ == Manner::root_only) return;
        const cmsghdr* const header = CMSG_FIRSTHDR(&message);
        ASSERT_NE(header, nullptr) << "no credentials came along";
        ASSERT_EQ(header->cmsg_type, SCM_CREDENTIALS);
        const std::string request(text.data(), static_cast<std::size_t>(got));
        if (manner_ == Manner::silent) std::this_thread::sleep_for(std::chrono::milliseconds(800));
        if (request == "setup") tell(connection);
        const std::string_view ban = "settings ban irqs ";
        if (request.starts_with(ban)) change(request.substr(ban.size()));
    }

    void tell(int connection) const {
        std::string setup = "SLEEP 10 ";
        for (const unsigned irq : banned()) setup += "IRQ " + std::to_string(irq) + " LOAD 12 DIFF 3 CLASS 4 ";
        setup += "BANNED 00000000,00000003";
        static_cast<void>(::send(connection, setup.data(), setup.size(), MSG_NOSIGNAL));
    }

    void change(std::string list) {
        ++changes_;
        if (manner_ == Manner::stubborn) return;
        const std::scoped_lock lock(mutex_);
        banned_.clear();
        if (list == "NONE") return;
        for (std::size_t at = 0; at != std::string::npos; at = list.find(' ', at + 1))
            banned_.push_back(static_cast<unsigned>(std::stoul(list.substr(at))));
    }

    Manner manner_;
    mutable std::mutex mutex_;
    Irqs banned_;
    std::atomic<int> changes_{0};
    int fd_;
    std::thread server_;
};

class IrqbalanceTest : public ::testing::Test {
protected:
    [[nodiscard]] std::filesystem::path folder() const { return tree.paths().proc.parent_path() / "run"; }
    [[nodiscard]] std::string socket() {
        tree.write("run/other.txt", "");
        return (folder() / "irqbalance77.sock").string();
    }

    FakeTree tree;
};

TEST_F(IrqbalanceTest, NoneIsNoError) {
    Irqbalance irqbalance(folder(), tree.paths());
    EXPECT_EQ(irqbalance.keep_off({24, 25}), IrqbalanceState::absent);
    EXPECT_EQ(irqbalance.story(), "no irqbalance runs");
}

TEST_F(IrqbalanceTest, OurIrqsAreAddedToItsBansAndTakenBack) {
    const FakeIrqbalance server(socket(), false, {9, 25});
    {
        Irqbalance irqbalance(folder(), tree.paths());
        EXPECT_EQ(irqbalance.keep_off({26, 24, 25}), IrqbalanceState::told);
        EXPECT_EQ(server.banned(), (Irqs{9, 24, 25, 26}));
        EXPECT_EQ(irqbalance.story(), "irqbalance was told to leave the IRQs 24, 25, 26 alone");
        EXPECT_EQ(irqbalance.keep_off({26, 24, 25}), IrqbalanceState::told);
        EXPECT_EQ(server.changes(), 1) << "it has them already";
    }
    EXPECT_EQ(server.banned(), (Irqs{9, 25})) << "25 was not ours to give back";
}

TEST_F(IrqbalanceTest, TheLastBanIsTakenBackToo) {
    const FakeIrqbalance server(socket(), false, {});
    {
        Irqbalance irqbalance(folder(), tree.paths());
        EXPECT_EQ(irqbalance.keep_off({24}), IrqbalanceState::told);
        EXPECT_EQ(server.banned(), (Irqs{24}));
    }
    EXPECT_TRUE(server.banned().empty());
}

TEST_F(IrqbalanceTest, AnAbstractSocketIsFoundInTheKernelsTable) {
    const std::string name = "irqbalance" + std::to_string(::getpid()) + ".sock";
    tree.write("proc/net/unix",
               "Num       RefCount Protocol Flags    Type St Inode Path\n"
               "0000000000000000: 00000002 00000000 00010000 0001 01 21310 /run/other.sock\n"
               "0000000000000000: 00000002 00000000 00010000 0001 01 21311\n"
               "0000000000000000: 00000002 00000000 00010000 0001 01 21312 @" +
                   name +
                   "\n"
                   "0000000000000000: 00000003 00000000 00000000 0001 03 21313 @" +
                   name + "\n");
    EXPECT_EQ(find_irqbalance(folder(), tree.paths()), (std::vector<IrqbalanceSocket>{{name, true}}));
    const FakeIrqbalance server(name, true, {1});
    Irqbalance irqbalance(folder(), tree.paths());
    EXPECT_EQ(irqbalance.keep_off({30}), IrqbalanceState::told);
    EXPECT_EQ(server.banned(), (Irqs{1, 30}));
}

TEST_F(IrqbalanceTest, OneThatDoesNotDoItIsNamedWithTheCure) {
    const FakeIrqbalance server(socket(), false, {9}, FakeIrqbalance::Manner::stubborn);
    Irqbalance irqbalance(folder(), tree.paths());
    EXPECT_EQ(irqbalance.keep_off({25, 24}), IrqbalanceState::refused);
    EXPECT_NE(irqbalance.story().find("irqbalance77.sock"), std::string::npos) << irqbalance.story();
    EXPECT_NE(irqbalance.story().find("--banirq for each of the IRQs 24, 25"), std::string::npos) << irqbalance.story();
}

TEST_F(IrqbalanceTest, OneThatListensToRootOnlyIsARefusal) {
    const FakeIrqbalance server(socket(), false, {}, FakeIrqbalance::Manner::root_only);
    Irqbalance irqbalance(folder(), tree.paths());
    EXPECT_EQ(irqbalance.keep_off({24}), IrqbalanceState::refused);
    EXPECT_NE(irqbalance.story().find("root"), std::string::npos) << irqbalance.story();
    EXPECT_EQ(server.changes(), 0);
}

TEST_F(IrqbalanceTest, OneThatDoesNotAnswerIsNotWaitedForLong) {
    const FakeIrqbalance server(socket(), false, {}, FakeIrqbalance::Manner::silent);
    Irqbalance irqbalance(folder(), tree.paths());
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(irqbalance.keep_off({24}), IrqbalanceState::refused);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(750));
    EXPECT_EQ(server.changes(), 0);
}

TEST_F(IrqbalanceTest, ASocketThatOneLeftBehindIsNobody) {
    { const FakeIrqbalance dead(socket(), false, {}); }
    EXPECT_EQ(find_irqbalance(folder(), tree.paths()).size(), 1u);
    Irqbalance irqbalance(folder(), tree.paths());
    EXPECT_EQ(irqbalance.keep_off({24}), IrqbalanceState::absent);
}

TEST_F(IrqbalanceTest, OneWithoutASocketIsSeenByItsName) {
    tree.write("proc/77/comm", "irqbalance\n");
    tree.write("proc/78/comm", "irqbalance-ui\n");
    tree.write("proc/sys/comm", "irqbalance\n");
    Irqbalance irqbalance(folder(), tree.paths());
    EXPECT_EQ(irqbalance.keep_off({24}), IrqbalanceState::refused);
    EXPECT_NE(irqbalance.story().find("has no socket"), std::string::npos) << irqbalance.story();
    tree.remove("proc/77");
    EXPECT_EQ(irqbalance.keep_off({24}), IrqbalanceState::absent);
}

TEST(IrqbalanceSetup, ListsTheBannedIrqs) {
    EXPECT_EQ(parse_banned_irqs("SLEEP 10 IRQ 27 LOAD 0 DIFF 0 CLASS 3 IRQ 3 LOAD 0 DIFF 0 CLASS 0 BANNED 3"),
              (Irqs{3, 27}));
    EXPECT_TRUE(parse_banned_irqs("SLEEP 10 BANNED 00000000").empty());
    EXPECT_TRUE(parse_banned_irqs("").empty());
    EXPECT_EQ(parse_banned_irqs("SLEEP 10 IRQ x LOAD 0 IRQ -4 IRQ 5"), (Irqs{5}));
    EXPECT_TRUE(parse_banned_irqs("SLEEP 10 IRQ").empty());
}

}  // namespace
}  // namespace vmq::affinity

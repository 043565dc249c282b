// irqbalance's socket: one request for each connection, in one message, from root. "setup" is answered with the
// settings; "settings ban irqs N..." replaces all bans and is answered with nothing; irqbalance heeds it at its next
// look.
#include "affinity/irqbalance.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <optional>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace vmq::affinity {
namespace {

constexpr std::string_view socket_prefix = "irqbalance";
constexpr std::string_view socket_suffix = ".sock";

bool is_socket_name(std::string_view name) { return name.starts_with(socket_prefix) && name.ends_with(socket_suffix); }

std::string_view next_word(std::string_view& rest) {
    const auto first = rest.find_first_not_of(" \n");
    rest.remove_prefix(std::min(first, rest.size()));
    const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
    rest.remove_prefix(word.size());
    return word;
}

class Connection {
public:
    explicit Connection(const IrqbalanceSocket& to) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const std::string path = to.is_abstract ? '\0' + to.name : to.name;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.size() >= sizeof address.sun_path) return;
        std::memcpy(address.sun_path, path.data(), path.size());
        const timeval patience{.tv_sec = 0, .tv_usec = 500'000};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);  // for connect, too
        const std::size_t length = offsetof(sockaddr_un, sun_path) + path.size() + (to.is_abstract ? 0 : 1);
        connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)) == 0;
        if (!connected_) error_ = errno;
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int error() const noexcept { return error_; }

    // The kernel adds the sender's credentials, because irqbalance's end asks for them.
    bool send(std::string_view request) {
        if (!connected_) return false;
        const bool sent =
            ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
        if (!sent) error_ = errno;
        return sent;
    }

    // All of it: irqbalance closes the connection behind its answer.
    std::string receive() {
        std::string answer;
        std::array<char, 4096> chunk;
        for (;;) {
            const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
            if (got <= 0) {
                if (got < 0) error_ = errno;
                return answer;
            }
            answer.append(chunk.data(), static_cast<std::size_t>(got));
        }
    }

private:
    int fd_;
    int error_ = 0;
    bool connected_ = false;
};

// The banned IRQs; none where irqbalance did not answer.
std::optional<std::vector<unsigned>> ask_banned(const IrqbalanceSocket& socket, int& error) {
    Connection connection(socket);
    std::string answer;
    if (connection.send("setup")) answer = connection.receive();
    error = connection.error();
    if (!answer.starts_with("SLEEP")) return std::nullopt;
    return parse_banned_irqs(answer);
}

bool ban(const IrqbalanceSocket& socket, const std::vector<unsigned>& irqs) {
    std::string request = "settings ban irqs";
    for (const unsigned irq : irqs) request += ' ' + std::to_string(irq);
    if (irqs.empty()) request += " NONE";
    Connection connection(socket);
    const bool sent = connection.send(request);
    // Until it closes, so that what is asked next comes after it has read this.
    if (sent) static_cast<void>(connection.receive());
    return sent;
}

std::vector<unsigned> sorted(std::vector<unsigned> irqs) {
    std::ranges::sort(irqs);
    return irqs;
}

std::string list(const std::vector<unsigned>& irqs) {
    std::string text;
    for (const unsigned irq : irqs) text += (text.empty() ? "" : ", ") + std::to_string(irq);
    return text;
}

}  // namespace

std::vector<IrqbalanceSocket> find_irqbalance(const std::filesystem::path& folder, const SystemPaths& paths) {
    std::vector<IrqbalanceSocket> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
        if (is_socket_name(entry.path().filename().native())) found.push_back({entry.path().native(), false});

    const std::string text = read_text(paths.proc / "net/unix", error);
    std::string_view sockets = text;
    while (!sockets.empty()) {
        const std::string_view line = sockets.substr(0, sockets.find('\n'));
        sockets.remove_prefix(std::min(sockets.size(), line.size() + 1));
        const auto at = line.rfind(" @");
        if (at == std::string_view::npos || !is_socket_name(line.substr(at + 2))) continue;
        const IrqbalanceSocket socket{std::string(line.substr(at + 2)), true};
        // The listening socket and each connection to it have a line.
        if (std::ranges::find(found, socket) == found.end()) found.push_back(socket);
    }
    return found;
}

std::vector<unsigned> parse_banned_irqs(std::string_view setup) {
    std::vector<unsigned> irqs;
    for (std::string_view word = next_word(setup); !word.empty(); word = next_word(setup)) {
        if (word != "IRQ") continue;
        const std::string_view number = next_word(setup);
        unsigned irq = 0;
        const char* const end = number.data() + number.size();
        if (std::from_chars(number.data(), end, irq).ptr == end && !number.empty()) irqs.push_back(irq);
    }
    return sorted(std::move(irqs));
}

Irqbalance::Irqbalance(std::filesystem::path folder, SystemPaths paths)
    : folder_(std::move(folder)), paths_(std::move(paths)) {}

Irqbalance::~Irqbalance() {
    if (added_.empty()) return;
    try {
        for (const IrqbalanceSocket& socket : find_irqbalance(folder_, paths_)) {
            int error = 0;
            const auto banned = ask_banned(socket, error);
            if (!banned) continue;
            std::vector<unsigned> others;
            std::ranges::set_difference(*banned, added_, std::back_inserter(others));
            if (others != *banned) ban(socket, others);
        }
    } catch (const std::exception&) {
        // The IRQs stay banned, which does no more than leave them where they are.
    }
}

IrqbalanceState Irqbalance::keep_off(const std::vector<unsigned>& irqs) {
    story_ = "no irqbalance runs";
    if (irqs.empty()) return IrqbalanceState::absent;
    IrqbalanceState state = IrqbalanceState::absent;
    for (const IrqbalanceSocket& socket : find_irqbalance(folder_, paths_)) state = std::max(state, tell(socket, irqs));
    if (state == IrqbalanceState::absent && runs()) {
        state = IrqbalanceState::refused;
        story_ = "irqbalance runs and has no socket";
    }
    if (state == IrqbalanceState::refused)
        story_ += "; start it with --banirq for each of the IRQs " + list(sorted(irqs)) + ", or stop it";
    return state;
}

IrqbalanceState Irqbalance::tell(const IrqbalanceSocket& socket, const std::vector<unsigned>& irqs) {
    const auto missing_in = [wanted = sorted(irqs)](const std::vector<unsigned>& banned) {
        std::vector<unsigned> missing;
        std::ranges::set_difference(wanted, banned, std::back_inserter(missing));
        return missing;
    };
    int error = 0;
    auto banned = ask_banned(socket, error);
    if (!banned && (error == ECONNREFUSED || error == ENOENT)) return IrqbalanceState::absent;  // left by one that died
    if (banned) {
        const std::vector<unsigned> missing = missing_in(*banned);
        std::vector<unsigned> all;
        std::ranges::merge(*banned, missing, std::back_inserter(all));
        if (!missing.empty() && ban(socket, all)) {
            banned = ask_banned(socket, error);
            std::ranges::copy(missing, std::back_inserter(added_));
            added_ = sorted(std::move(added_));
            added_.erase(std::unique(added_.begin(), added_.end()), added_.end());
        }
    }
    if (banned && missing_in(*banned).empty()) {
        story_ = "irqbalance was told to leave the IRQs " + list(sorted(irqs)) + " alone";
        return IrqbalanceState::told;
    }
    story_ = "irqbalance (" + socket.name + ") was asked to leave the IRQs alone and does not: ";
    story_ += error != 0 ? std::error_code(error, std::system_category()).message() : "it listens to root only";
    return IrqbalanceState::refused;
}

bool Irqbalance::runs() const {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(paths_.proc, error)) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::error_code gone;
        if (read_text(entry.path() / "comm", gone) == "irqbalance\n") return true;
    }
    return false;
}

}  // namespace vmq::affinity

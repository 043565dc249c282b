// A vhost-user backend that does the least a network device can do, so that it is the driver that is measured.
#pragma once

#include <string>
#include <vector>

#include "driver/support/unique_fd.hpp"
#include "tests/bench/backend/counters.hpp"
#include "tests/bench/backend/options.hpp"
#include "tests/bench/backend/workers.hpp"

namespace vmq::bench {

class Backend {
public:
    // Listens at once, so that a frontend may come; throws std::system_error when it cannot.
    explicit Backend(const BackendOptions& options);
    ~Backend();
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    // Serves one frontend after another until `stop` becomes readable. A frontend that cannot be served is named on
    // standard error and disconnected.
    void run(int stop);

    // By pair; any thread may read it at any time.
    [[nodiscard]] const std::vector<PairCounters>& counters() const noexcept { return counters_; }
    [[nodiscard]] std::string counters_as_json() const;

private:
    [[nodiscard]] support::UniqueFd next_frontend(int stop);
    void serve(int frontend, int stop);

    const BackendOptions options_;
    std::vector<PairCounters> counters_;
    Workers workers_;
    support::UniqueFd listener_;
};

}  // namespace vmq::bench

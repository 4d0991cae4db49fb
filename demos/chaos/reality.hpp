// The world in which a scenario takes its time: the service is a process, its callers real clients of HTTP.
//
// Made, run and destroyed in the program's first thread; the scenario uses the rest in the thread that it runs in.
#pragma once

#include <chaos/condition.hpp>
#include <chaos/target_process.hpp>

#include <stage/event_loop.hpp>

#include <fusebox/asio/runtime.hpp>
#include <fusebox/http/client.hpp>

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace chaos {

class reality {
public:
    using timer = boost::asio::steady_timer;
    // How long a sleeper may not notice that the scenario is to end.
    static constexpr fusebox::duration longest_nap = std::chrono::milliseconds{100};

    explicit reality(std::vector<std::string> target_command);
    ~reality();

    const target_process& target() const { return target_; }

    // Runs a scenario to its end. `go_on` is asked all the time, and waits a little itself; once it says no, the target
    // is ended, all calls fail, and the scenario is left soon. False then.
    bool run(boost::asio::awaitable<void> scenario, const std::function<bool()>& go_on);

    boost::asio::any_io_executor executor() { return loop_.io().get_executor(); }
    fusebox::asio::basic_runtime<timer> runtime() const { return {}; }
    const fusebox::monotonic_clock* clock() const { return nullptr; }
    fusebox::time_point now() const { return fusebox::steady_now(); }
    bool ending() const { return ending_; }

    boost::asio::awaitable<std::expected<void, std::string>> ask();
    boost::asio::awaitable<void> make(condition how);
    boost::asio::awaitable<std::uint64_t> calls();

private:
    target_process target_;
    stage::event_loop loop_;
    std::unique_ptr<fusebox::http::client> client_;  // on the loop
    std::atomic<bool> ending_{false};
};

}  // namespace chaos

// Service B: what service A depends on. It fails and dawdles when it is told to.
//
//   GET  /data              200 with a number from 1 to 100; 500 while it fails
//   GET  /health            200, or 503 while it fails
//   POST /induce-failure    fails from now on          POST /remove-failure    works again
//   POST /induce-latency    dawdles from now on        POST /remove-latency    is quick again
//
// For one thread, but for failing(), slow(), and their setters. The same SEED gives the same numbers and latencies, in
// the order of the requests.
#pragma once

#include <stage/environment.hpp>
#include <stage/server.hpp>

#include <fusebox/random.hpp>

#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <functional>
#include <string>

namespace fault_injection {

using stage::request;
using stage::response;

struct service_b_settings {
    fusebox::duration latency_min = std::chrono::seconds{2};
    fusebox::duration latency_max = std::chrono::seconds{5};
    std::uint64_t seed = fusebox::fresh_seed();

    // LATENCY_MIN, LATENCY_MAX (in seconds), SEED.
    static service_b_settings from(stage::environment& env);
};

class service_b {
public:
    using log_sink = std::function<void(const std::string& line)>;

    explicit service_b(
        service_b_settings settings, log_sink log = [](const std::string&) {}, stage::pause wait = stage::real_pause);

    stage::routes routes();

    bool failing() const { return failing_; }
    bool slow() const { return slow_; }
    void set_failing(bool failing);
    void set_slow(bool slow);

private:
    boost::asio::awaitable<response> data();
    response health() const;

    const service_b_settings settings_;
    const log_sink log_;
    const stage::pause wait_;
    fusebox::splitmix64 dice_;
    std::atomic<bool> failing_{false};
    std::atomic<bool> slow_{false};
};

}  // namespace fault_injection

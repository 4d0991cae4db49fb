// Service C: a database that fails and dawdles at random. Where the demo's trouble comes from.
//
//   GET /health   200 healthy, or 503
//   GET /data     500 at once, or 200 after a while
//
// For one thread. The same SEED gives the same faults, in the order of the requests.
#pragma once

#include <stage/environment.hpp>
#include <stage/server.hpp>

#include <fusebox/random.hpp>

#include <boost/asio/awaitable.hpp>

namespace health_check {

using stage::request;
using stage::response;

struct database_settings {
    double health_fail_rate = 0.2;
    double data_fail_rate = 0.1;
    fusebox::duration data_latency_min = std::chrono::milliseconds{100};
    fusebox::duration data_latency_max = std::chrono::milliseconds{500};
    std::uint64_t seed = fusebox::fresh_seed();

    // HEALTH_FAIL_RATE, DATA_FAIL_RATE, DATA_LATENCY_MIN and DATA_LATENCY_MAX (in seconds), SEED.
    static database_settings from(stage::environment& env);
};

class database {
public:
    explicit database(database_settings settings, stage::pause wait = stage::real_pause);

    stage::routes routes();

private:
    response health();
    boost::asio::awaitable<response> data();
    double roll();  // uniform in [0, 1)

    const database_settings settings_;
    const stage::pause wait_;
    fusebox::splitmix64 dice_;
};

}  // namespace health_check

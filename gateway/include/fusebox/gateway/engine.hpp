// The gateway at work: worker threads that serve a configuration's routes.
//
//   auto made = engine::make(configuration, {});
//   if (!made) …                       everything that the engine cannot do
//   if (auto failed = (*made)->start()) …   a port that is taken, with its name
//   …
//   (*made)->stop();                   drains, and joins its threads
//
// Each worker has its own loop, its own listening sockets on the same ports (SO_REUSEPORT) and its own connections;
// breakers, limits and endpoints are shared by all. One more thread serves the admin port and lets time pass for the
// endpoints' health; another looks names up.
//
// Thread-safety: start() and stop() from one thread; what only reads, from any.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <fusebox/error.hpp>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fusebox::gateway {

struct engine_options {
    unsigned workers = 0;  // threads; 0: one for each processor that this process may use
};

class engine {
public:
    static std::expected<std::unique_ptr<engine>, std::vector<config_error>> make(const configuration& c,
                                                                                  engine_options options = {});
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    // Looks the endpoints' names up, binds the ports, and serves. Otherwise one sentence that says why not.
    std::optional<std::string> start();
    // Accepts no more, lets requests in flight finish within configuration::drain_timeout, and ends.
    void stop();

    // Goes on with the files that have the logs' names now, after somebody has moved the old ones away.
    void reopen_logs();

    // The port that listen[i] was given; of interest when it was configured as 0.
    std::uint16_t port(std::size_t i = 0) const;
    std::uint16_t admin_port() const;
    // Endpoints whose names were not found, at the start.
    const std::vector<std::string>& unknown_endpoints() const noexcept;

private:
    struct state;
    explicit engine(std::unique_ptr<state> s);
    std::unique_ptr<state> state_;
};

}  // namespace fusebox::gateway

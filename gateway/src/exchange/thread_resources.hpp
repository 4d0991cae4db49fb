// What one thread of the engine lends to the requests that it serves: its loop, its memory, its connections to every
// endpoint, its line in the log. A connection stays with the thread that it began in.
//
// Thread-safety: none, but for io(); the thread's own.
#pragma once

#include "endpoints/address_book.hpp"
#include "endpoints/balancer.hpp"
#include "exchange/endpoint_connections.hpp"
#include "plan/plan.hpp"
#include "telemetry/access_log.hpp"

#include <fusebox/http/connection_memory.hpp>
#include <fusebox/http/server_connection.hpp>
#include <fusebox/random.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fusebox::gateway {

struct refusal;

class thread_resources {
public:
    // All must outlive it. `time` is null for the system's.
    thread_resources(const plan& serves, const address_book& addresses, unsigned number, const monotonic_clock* time);
    thread_resources(const thread_resources&) = delete;
    thread_resources& operator=(const thread_resources&) = delete;

    boost::asio::io_context& io() noexcept { return io_; }
    http::reactor& loop() noexcept { return loop_; }
    const monotonic_clock* time() const noexcept { return time_; }
    const plan& serves() const noexcept { return plan_; }
    unsigned number() const noexcept { return number_; }
    std::string_view pseudonym() const noexcept { return plan_.configured().pseudonym; }
    splitmix64& random() noexcept { return random_; }

    const http::connection_limits& limits() const noexcept { return limits_; }
    const http::head_limits& response_limits() const noexcept { return response_limits_; }
    http::connection_memory& memory() noexcept { return memory_; }
    // For lines that are sent before anybody else writes there.
    std::string& scratch_text() noexcept { return scratch_text_; }
    std::string& scratch_line() noexcept { return scratch_line_; }

    balancer& balancer_of(const upstream_state& u) noexcept { return *upstreams_[u.number].picks; }
    // The connections to this endpoint; null when its name leads nowhere.
    endpoint_connections* connections_to(upstream_state& u, const endpoint& e);

    // An answer of ours in the words that the client would rather read: fields and body. Valid until the next.
    struct refusal_text {
        std::string_view fields;
        std::string_view body;
    };
    refusal_text explain(const http::server_connection& c, const refusal& r);

    // From now on; `to` must outlive this.
    void log_to(access_log& to) noexcept { log_ = &to; }
    bool logs() const noexcept { return log_ != nullptr; }
    // Adds when it is, and who asked. Only if logs().
    void log(const http::server_connection& c, access_entry entry) noexcept;

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
    };
    struct upstream_part {
        std::unique_ptr<balancer> picks;
        http::pool_limits limits;
        std::unordered_map<std::string, std::unique_ptr<endpoint_connections>, text_hash, std::equal_to<>> origins;
    };

    const plan& plan_;
    const address_book& addresses_;
    const unsigned number_;
    const monotonic_clock* time_;
    access_log* log_ = nullptr;
    boost::asio::io_context io_{1};
    http::reactor& loop_;
    http::connection_limits limits_;
    http::head_limits response_limits_;
    http::connection_memory memory_;
    splitmix64 random_;
    std::string scratch_text_;
    std::string scratch_line_;
    std::vector<upstream_part> upstreams_;
};

}  // namespace fusebox::gateway

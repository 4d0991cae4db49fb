// What one thread of the engine has to itself: its loop, its memory, its connections to every endpoint. A
// client's connection stays with the worker that accepted it.
#pragma once

#include "access_log.hpp"
#include "address_book.hpp"
#include "plan.hpp"

#include <fusebox/gateway/balancer.hpp>

#include <fusebox/http/connection_pool.hpp>
#include <fusebox/http/server.hpp>
#include <fusebox/random.hpp>

#include <boost/asio/io_context.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fusebox::gateway {

class proxied_exchange;
struct refusal;
struct request_notes;

// An endpoint's connections, and where new ones go.
struct endpoint_connections {
    endpoint_connections(const http::pool_limits& limits, std::atomic<std::uint32_t>& used)
        : idle(limits), in_use(used) {}

    const http::socket_address& at() const noexcept { return addresses[turn % addresses.size()]; }
    // That one does not answer: the next connection is tried at another address of the name.
    void turn_away() noexcept { ++turn; }

    std::vector<http::socket_address> addresses;  // never empty in use
    std::size_t turn = 0;
    std::uint32_t moves = 0;    // how often they were others: connections from before are not kept
    std::uint64_t edition = 0;  // of the address book, when they were looked up
    http::connection_pool idle;
    std::atomic<std::uint32_t>& in_use;  // by all workers
};

class worker final : private http::service {
public:
    worker(const plan& serves, const address_book& addresses, unsigned number, const monotonic_clock* time);
    ~worker();

    boost::asio::io_context& io() noexcept { return io_; }
    http::server& server() noexcept { return server_; }
    const http::server& server() const noexcept { return server_; }
    // How many requests were refused with this status before they had a route. From any thread.
    static constexpr int first_refusal = 400, end_of_refusals = 600;
    std::uint64_t unrouted(int status) const noexcept {
        return unrouted_[static_cast<std::size_t>(status - first_refusal)].load(std::memory_order_relaxed);
    }
    // From now on; `to` must outlive the worker.
    void log_to(access_log& to) noexcept { log_ = &to; }
    // Ends the thread: at once when there is no connection, else when all have ended, or `within` is over.
    void drain(duration within);

    // -- For its exchanges.

    const plan& serves() const noexcept { return plan_; }
    unsigned number() const noexcept { return number_; }
    std::string_view pseudonym() const noexcept { return plan_.configured().pseudonym; }
    http::reactor& loop() noexcept { return loop_; }
    http::connection_memory& memory() noexcept { return memory_; }
    // Of responses.
    const http::head_limits& head_limits() const noexcept { return response_limits_; }
    const monotonic_clock* time() const noexcept { return time_; }
    splitmix64& random() noexcept { return random_; }
    // For lines that are sent before anybody else writes there.
    std::string& scratch_text() noexcept { return scratch_text_; }
    std::string& scratch_line() noexcept { return scratch_line_; }

    balancer& balancer_of(const upstream_state& u) noexcept { return *upstreams_[u.number].picks; }
    // The connections to this endpoint; null when its name leads nowhere.
    endpoint_connections* connections_to(upstream_state& u, const endpoint& e);
    void release(proxied_exchange& done) noexcept;
    // An answer of ours in the words that the client would rather read: fields and body. Valid until the next.
    struct refusal_text {
        std::string_view fields;
        std::string_view body;
    };
    refusal_text explain(const http::server_connection& c, const refusal& r);
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

    http::exchange* serve(http::server_connection& c) override;
    bool is_trusted_peer(const http::server_connection& c) const;
    void look_at_drain();
    void log_unrouted(const http::server_connection& c, const request_notes& notes, std::string_view why) noexcept;
    void refuse(http::server_connection& c, int status, std::string_view why) override;
    void answer_as_last(http::server_connection& c);

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
    std::vector<std::unique_ptr<proxied_exchange>> exchanges_;  // all there ever were
    std::vector<proxied_exchange*> free_;
    std::array<std::atomic<std::uint64_t>, end_of_refusals - first_refusal> unrouted_{};
    http::server server_;
    time_point drained_by_ = time_point::max();
    http::deadline drain_timer_{http::on<&worker::look_at_drain>(this)};
};

}  // namespace fusebox::gateway

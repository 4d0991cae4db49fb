// One thread of the engine: serves the requests of its clients, each by an exchange, with what the thread lends to
// them. A client's connection stays with the worker that accepted it.
//
// Thread-safety: the thread's own, but for io() and what is counted.
#pragma once

#include "exchange/proxied_exchange.hpp"
#include "exchange/thread_resources.hpp"
#include "telemetry/unrouted_counts.hpp"

#include <fusebox/http/server.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

struct request_notes;

class worker final : private http::service, private exchange_owner {
public:
    worker(const plan& serves, const address_book& addresses, unsigned number, const monotonic_clock* time);
    ~worker();

    boost::asio::io_context& io() noexcept { return lends_.io(); }
    http::reactor& loop() noexcept { return lends_.loop(); }
    http::connection_memory& memory() noexcept { return lends_.memory(); }
    const plan& serves() const noexcept { return lends_.serves(); }
    http::server& server() noexcept { return server_; }
    const http::server& server() const noexcept { return server_; }
    // From any thread.
    const unrouted_counts& unrouted() const noexcept { return unrouted_; }
    // From now on; `to` must outlive the worker.
    void log_to(access_log& to) noexcept { lends_.log_to(to); }
    // Ends the thread: at once when there is no connection, else when all have ended, or `within` is over.
    void drain(duration within);

private:
    http::exchange* serve(http::server_connection& c) override;
    void refuse(http::server_connection& c, int status, std::string_view why) override;
    void ended(proxied_exchange& done) noexcept override;
    bool is_trusted_peer(const http::server_connection& c) const;
    void look_at_drain();
    void log_unrouted(const http::server_connection& c, const request_notes& notes, std::string_view why) noexcept;
    void answer_as_last(http::server_connection& c);

    thread_resources lends_;
    std::vector<std::unique_ptr<proxied_exchange>> exchanges_;  // all there ever were
    std::vector<proxied_exchange*> free_;
    unrouted_counts unrouted_;
    http::server server_;
    time_point drained_by_ = time_point::max();
    http::deadline drain_timer_{http::on<&worker::look_at_drain>(this)};
};

}  // namespace fusebox::gateway

// The client's part in an exchange, and every way in which one ends.
#include "exchange/proxied_exchange.hpp"
#include "messages/forwarded_head.hpp"

#include <algorithm>

namespace fusebox::gateway {

namespace {

constexpr int client_closed_request = 499;  // as nginx has it: nobody was left to be told a status

}  // namespace

// -- The client --------------------------------------------------------------------------------------

void proxied_exchange::client_ready() {
    switch (stage_) {
        case stage::trying: {
            const std::uint32_t mine = use_;
            first_.client_ready();
            for (std::size_t i = 0; use_ == mine && stage_ == stage::trying && i < further_.size(); ++i)
                further_[i]->client_ready();
            return;
        }
        case stage::relaying: return relay_body();
        case stage::tunnelling: return relay_tunnel();
        default: return;
    }
}

void proxied_exchange::client_lost(loss why) {
    give_up(incident::client_gone);
    if (why == loss::body_slow && !client_->response_begun())
        return answer_incident(incident::client_slow, {}, "the body of the request came too slowly");
    const bool gone = why == loss::client_gone || why == loss::shut_down;
    log_lost(gone ? incident::client_gone : incident::client_slow);
    retire();
}

// Nobody is left to be told.
void proxied_exchange::log_lost(incident what) {
    notes_.what = what;
    if (notes_.status == 0) {  // else it was counted when it began
        route_counts::add(route_->counts[thread_.number()].responses[0]);
        notes_.status = client_closed_request;
    }
    log();
}

// The body of the request cannot be read to its end: that is the client's own doing.
void proxied_exchange::client_failed() {
    give_up(incident::client_gone);
    http::server_connection& client = *client_;
    if (const auto wrong = client.body_error(); wrong != http::parse_errc::none)
        return answer_incident(incident::client_malformed, {}, sentence(wrong));
    log_lost(incident::client_gone);
    retire();
    client.fail_body();
}

// A chunked body that turned out to be too large; worker::serve() refuses those that say so before.
void proxied_exchange::refuse_body() {
    give_up(incident::client_gone);
    answer_incident(incident::request_too_large, {}, too_large_body);
}

// Of no request any more. The next request may begin in it at once: nothing may be touched after this.
void proxied_exchange::retire() noexcept {
    route_->counts[thread_.number()].served.add({notes_.method, static_cast<std::uint16_t>(notes_.status)},
                                                now() - notes_.began);
    timer_.disarm();
    if (copy_) drop_copy();
    if (in_flight_) land(true);
    validated_.reset();
    race_.reset();
    walk_.reset();
    for_each_attempt([](attempt& a) { a.retire(); });
    policies_ = {};
    own_policies_.clear();  // a policy that is held is never forgotten
    stage_ = stage::unused;
    use_.fetch_add(1, std::memory_order_relaxed);
    client_ = nullptr;
    owner_.ended(*this);
}

void proxied_exchange::count(incident what) noexcept {
    route_counts::add(route_->counts[thread_.number()].incidents[static_cast<std::size_t>(what)]);
}

void proxied_exchange::count_response(int status) noexcept {
    auto& counts = route_->counts[thread_.number()];
    notes_.status = status;
    route_counts::add(counts.responses[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))]);
}

// By its status, or by route_counts::first_incident and what went wrong.
void proxied_exchange::count_try(unsigned end, duration took) noexcept {
    route_->counts[thread_.number()].tried.add({notes_.method, static_cast<std::uint16_t>(end)}, took);
}

// The line of this request; its head must still be there.
void proxied_exchange::log() {
    if (!thread_.logs()) return;
    const http::request_head& request = client_->request();
    access_entry e{.took = now() - notes_.began,
                   .request_bytes = body_size_,
                   .response_bytes = notes_.response_bytes,
                   .tries = notes_.tries,
                   .hedges = notes_.hedges,
                   .status = notes_.status,
                   .what = notes_.what,
                   .method = request.method_text(),
                   .host = request.authority(),
                   .target = request.target(),
                   .route = route_->configured.name,
                   .upstream = to_->configured.name,
                   .endpoint = last_->endpoint_name(),
                   .request_id = notes_.request_id(),
                   .trace_id = notes_.trace_id()};
    if (notes_.answered) e.first_byte = *notes_.answered - notes_.began;
    if (const auto* breaker = breaker_of_request()) e.breaker = breaker->state();
    thread_.log(*client_, e);
}

}  // namespace fusebox::gateway

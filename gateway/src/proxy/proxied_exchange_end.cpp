// The client's part in an exchange, and every way in which one ends.
#include "proxied_exchange.hpp"

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
            if (!await_continue_ && !request_closed_ && upstream_->unsent() == 0) send_request_body();
            if (use_ == mine && stage_ == stage::trying) read_heads();
            return;
        }
        case stage::relaying: return relay_body();
        case stage::tunnelling: return relay_tunnel();
        default: return;
    }
}

void proxied_exchange::client_lost(loss why) {
    route_counts::add(route_->counts[worker_.number()].responses[0]);
    give_up(incident::client_gone);
    const bool answered_elsewhere = why == loss::body_slow && !client_->response_begun();  // by worker::refuse
    notes_.what = why == loss::client_gone || why == loss::shut_down ? incident::client_gone : incident::client_slow;
    if (notes_.status == 0) notes_.status = client_closed_request;
    if (!answered_elsewhere) log();
    retire();
}

// The body of the request cannot be read to its end: that is the client's own doing.
void proxied_exchange::client_failed() {
    give_up(incident::client_malformed);
    http::server_connection& client = *client_;
    count_response(400);
    notes_.what = incident::client_malformed;
    const bool gone = client.body_error() == http::parse_errc::none;
    if (gone) notes_.status = client_closed_request, notes_.what = incident::client_gone;
    if (gone || client.response_begun()) log();  // else worker::refuse does
    retire();
    client.fail_body();
}

// A chunked body that turned out to be too large; worker::serve() refuses those that say so before.
void proxied_exchange::refuse_body() {
    give_up(incident::client_malformed);
    http::server_connection& client = *client_;
    count_response(413);
    retire();
    worker_.refuse_body(client);
}

// Ends the walk and the try, whatever they are at; the upstream did nothing wrong.
void proxied_exchange::give_up(incident why) {
    timer_.disarm();
    state_.context.set_deadline(time_point::max());  // whatever clock has run out, it is not what ended this
    detail::command c{};
    if (!walk_done_ && stage_ == stage::waiting) c = interrupt_walk();
    else if (!walk_done_) {
        result_->failed(why, false, now() - try_began_);
        c = end_walk(cancel_cause::caller);
    }
    while (c.kind != detail::command::done) c = interrupt_walk();
    lease_.reset();
    drop_connection(false);
}

// Of no request any more. The next request may begin in it at once: nothing may be touched after this.
void proxied_exchange::retire() noexcept {
    timer_.disarm();
    if (copy_) drop_copy();
    inner_.reset();
    walk_.reset();
    own_policies_.clear();  // a policy that is held is never forgotten
    stage_ = stage::unused;
    use_.fetch_add(1, std::memory_order_relaxed);
    client_ = nullptr;
    worker_.release(*this);
}

void proxied_exchange::count_response(int status) noexcept {
    auto& counts = route_->counts[worker_.number()];
    notes_.status = status;
    route_counts::add(counts.responses[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))]);
}

// The line of this request; its head must still be there.
void proxied_exchange::log() {
    if (!worker_.logs()) return;
    const http::request_head& request = client_->request();
    access_entry e{.took = now() - notes_.began,
                   .request_bytes = body_size_,
                   .response_bytes = notes_.response_bytes,
                   .tries = notes_.tries,
                   .status = notes_.status,
                   .what = notes_.what,
                   .method = request.method_text(),
                   .host = request.authority(),
                   .target = request.target(),
                   .route = route_->configured.name,
                   .upstream = to_->configured.name,
                   .endpoint = notes_.endpoint,
                   .request_id = notes_.request_id(),
                   .trace_id = notes_.trace_id()};
    if (notes_.answered) e.first_byte = *notes_.answered - notes_.began;
    if (const auto* breaker = breaker_of_request()) e.breaker = breaker->state();
    worker_.log(*client_, e);
}

}  // namespace fusebox::gateway

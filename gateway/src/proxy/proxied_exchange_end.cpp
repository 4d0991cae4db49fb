// The client's part in an exchange, and every way in which one ends.
#include "proxied_exchange.hpp"

#include <algorithm>

namespace fusebox::gateway {

// -- The client --------------------------------------------------------------------------------------

void proxied_exchange::client_ready() {
    switch (stage_) {
        case stage::trying:
            if (!await_continue_ && !request_closed_ && upstream_->unsent() == 0) send_request_body();
            return;
        case stage::relaying: return relay_body();
        case stage::tunnelling: return relay_tunnel();
        default: return;
    }
}

void proxied_exchange::client_lost(loss) {
    route_counts::add(route_->counts[worker_.number()].responses[0]);
    give_up(incident::client_gone);
    retire();
}

// The body of the request cannot be read to its end: that is the client's own doing.
void proxied_exchange::client_failed() {
    give_up(incident::client_malformed);
    http::server_connection& client = *client_;
    count_response(400);
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
    route_counts::add(counts.responses[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))]);
}

}  // namespace fusebox::gateway

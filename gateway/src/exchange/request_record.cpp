#include "exchange/request_record.hpp"

#include <algorithm>

namespace fusebox::gateway {

namespace {

constexpr int client_closed_request = 499;  // as nginx has it

}  // namespace

void request_record::begin(const http::server_connection& client, route_state& route) noexcept {
    route_ = &route;
    notes.begin(&client.request(), thread_.random(), thread_.loop().now());
}

void request_record::count(incident what) noexcept {
    route_counts::add(counts().incidents[static_cast<std::size_t>(what)]);
}

void request_record::response(int status) noexcept {
    notes.status = status;
    route_counts::add(counts().responses[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))]);
}

void request_record::attempt_began(std::uint32_t number) noexcept {
    route_counts::add(counts().tries);
    ++notes.tries;
    if (number > 1) ++notes.hedges;
}

// By its status, or by route_counts::first_incident and what went wrong.
void request_record::attempt_ended(const attempt_report& how) noexcept {
    const int end = how.what ? route_counts::first_incident + static_cast<int>(*how.what) : how.status;
    counts().tried.add({notes.method, static_cast<std::uint16_t>(end)}, how.took);
    if (how.what) count(*how.what);
}

void request_record::lost(incident what) noexcept {
    notes.what = what;
    if (notes.status != 0) return;  // it was counted when it began
    route_counts::add(counts().responses[0]);
    notes.status = client_closed_request;
}

void request_record::end(const http::server_connection& client, const ending& how) noexcept {
    const duration took = thread_.loop().now() - notes.began;
    counts().served.add({notes.method, static_cast<std::uint16_t>(notes.status)}, took);
    if (!thread_.logs()) return;
    const http::request_head& request = client.request();
    access_entry e{.took = took,
                   .request_bytes = how.request_bytes,
                   .response_bytes = notes.response_bytes,
                   .tries = notes.tries,
                   .hedges = notes.hedges,
                   .status = notes.status,
                   .what = notes.what,
                   .method = request.method_text(),
                   .host = request.authority(),
                   .target = request.target(),
                   .route = route_->configured.name,
                   .upstream = how.upstream,
                   .endpoint = how.endpoint,
                   .request_id = notes.request_id(),
                   .trace_id = notes.trace_id()};
    if (notes.answered) e.first_byte = *notes.answered - notes.began;
    if (how.breaker != nullptr) e.breaker = how.breaker->state();
    thread_.log(client, e);
}

}  // namespace fusebox::gateway

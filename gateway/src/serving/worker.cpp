#include "serving/worker.hpp"

#include "exchange/proxied_exchange.hpp"
#include "messages/forwarded_head.hpp"

#include "messages/forwarding.hpp"
#include "messages/refusal.hpp"
#include "messages/request_notes.hpp"
#include "messages/request_text.hpp"
#include "text/request_path.hpp"

#include <fusebox/http/authority.hpp>

#include <array>

namespace fusebox::gateway {

namespace {

// What it is that is refused before it has a route.
incident incident_of_status(int status) noexcept {
    switch (status) {
        case 400: return incident::client_malformed;
        case 404: return incident::no_route;
        case 408: return incident::client_slow;
        case 413:
        case 414:
        case 431: return incident::request_too_large;
        case 502: return incident::loop_detected;
        default: return incident::request_unsupported;
    }
}

// Only who has ended TLS in front of us may ask for an https URI here (RFC 9110, section 7.4).
bool claims_tls(const http::request_head& request) noexcept {
    constexpr std::string_view https = "https:";
    return request.form() == http::target_form::absolute &&
           http::equal_names(request.target().substr(0, https.size()), https);
}

}  // namespace

worker::worker(const plan& serves, const address_book& addresses, unsigned number, const monotonic_clock* time)
    : lends_(serves, addresses, number, time), server_(lends_.loop(), lends_.memory(), lends_.limits(), *this) {}

worker::~worker() {
    server_.close();
    exchanges_.clear();
}

http::exchange* worker::serve(http::server_connection& c) {
    const http::request_head& request = c.request();
    const head_fields fields{request};
    const message_limits& limits = serves().configured().limits;
    if (request.target().size() > limits.uri)
        return refuse(c, 414, sentence(http::parse_errc::start_line_too_long)), nullptr;
    if (request.method() == http::method_id::trace) return refuse(c, 405, "TRACE is not served"), nullptr;
    if (request.body().kind == http::framing::length && request.body().bytes > limits.body)
        return refuse(c, 413, too_large_body), nullptr;
    if (claims_tls(request) && !is_trusted_peer(c))
        return refuse(c, 421, "an https URI is not served on a connection without TLS"), nullptr;
    if (has_been_at(fields, lends_.pseudonym()))
        return refuse(c, 502, "this request has been here before; gateways in a row need a pseudonym each"), nullptr;
    if (request.method() == http::method_id::options) {
        const auto hops = hops_left(request);
        if (!hops) return refuse(c, 400, "Max-Forwards must be one whole number"), nullptr;
        if (*hops == 0) return answer_as_last(c), nullptr;
    }
    char normal[http::head_limits::most_bytes];
    const auto path = request_path(request.path(), serves().configured().paths, normal);
    if (request.form() != http::target_form::asterisk && !path) return refuse(c, 400, path.error()), nullptr;
    const auto host = http::parse_authority(request.authority());
    // `OPTIONS *` goes where most of what the server has would go.
    route_state* const route =
        serves().match({host ? host->host : std::string_view{}, path ? *path : "/", request.method_text(), &fields});
    if (route == nullptr) return refuse(c, 404, "no route matches this request"), nullptr;
    if (free_.empty()) {
        exchanges_.push_back(std::make_unique<proxied_exchange>(lends_, static_cast<exchange_owner&>(*this)));
        free_.reserve(exchanges_.capacity());
        free_.push_back(exchanges_.back().get());
    }
    proxied_exchange& e = *free_.back();
    free_.pop_back();
    return e.begin(c, *route);
}

bool worker::is_trusted_peer(const http::server_connection& c) const {
    std::array<char, INET6_ADDRSTRLEN> room{};
    return is_trusted(c.peer().ip(room), serves().configured().trusted_proxies);
}

void worker::drain(duration within) {
    drained_by_ = saturating_add(loop().now(), within);
    server_.drain();
    look_at_drain();
}

void worker::look_at_drain() {
    if (server_.drained() || loop().now() >= drained_by_) {
        server_.close();
        return io().stop();
    }
    loop().arm_in(drain_timer_, http::reactor::tick);
}

void worker::ended(proxied_exchange& done) noexcept {
    free_.push_back(&done);
}

void worker::log_unrouted(const http::server_connection& c, const request_notes& notes, std::string_view why) noexcept {
    if (!lends_.logs()) return;
    access_entry e{.response_bytes = notes.response_bytes,
                   .status = notes.status,
                   .what = notes.what,
                   .request_id = notes.request_id(),
                   .trace_id = notes.trace_id(),
                   .reason = why};
    const http::request_head& request = c.request();
    if (is_readable(request))
        e.method = request.method_text(), e.host = request.authority(), e.target = request.target();
    lends_.log(c, e);
}

void worker::refuse(http::server_connection& c, int status, std::string_view why) {
    const http::request_head& request = c.request();
    request_notes notes;
    notes.begin(is_readable(request) ? &request : nullptr, lends_.random(), loop().now());
    notes.status = status;
    notes.what = incident_of_status(status);
    const auto text = lends_.explain(c, {.what = *notes.what,
                                         .details = why,
                                         .request_id = notes.request_id(),
                                         .trace_id = notes.trace_id(),
                                         .status = status});
    notes.response_bytes = request.method() == http::method_id::head ? 0 : text.body.size();
    log_unrouted(c, notes, why);
    unrouted_.add(status);
    c.answer(status, {}, text.body, text.fields);
}

// An OPTIONS that may be forwarded no further is for us (RFC 9110, section 7.6.2).
void worker::answer_as_last(http::server_connection& c) {
    request_notes notes;
    notes.begin(&c.request(), lends_.random(), loop().now());
    notes.status = 200;
    log_unrouted(c, notes, {});
    own_answer(lends_.scratch_text(), {.proxy = lends_.pseudonym(), .error = {}, .details = "Max-Forwards ends here"},
               notes.request_id());
    c.answer(200, {}, {}, lends_.scratch_text());
}

}  // namespace fusebox::gateway

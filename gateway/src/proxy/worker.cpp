#include "worker.hpp"

#include "../request_path.hpp"
#include "forwarded_head.hpp"
#include "proxied_exchange.hpp"

#include <fusebox/gateway/forwarding.hpp>
#include <fusebox/gateway/refusal.hpp>

#include <fusebox/http/authority.hpp>

#include <array>

namespace fusebox::gateway {

namespace {

http::connection_limits limits_of(const configuration& c) {
    http::connection_limits l;
    l.head.bytes = static_cast<std::uint32_t>(c.limits.head);
    l.head.fields = c.limits.fields;
    // The target is measured once it is known; the rest is for the method and the version.
    constexpr std::uint64_t beside_target = 256;
    l.head.start_line = static_cast<std::uint32_t>(std::min(c.limits.uri + beside_target, c.limits.head));
    return l;
}

http::head_limits response_limits_of(const configuration& c) {
    const auto bytes = static_cast<std::uint32_t>(c.limits.response_head);
    return {.bytes = bytes,
            .start_line = std::min(http::head_limits{}.start_line, bytes),
            .fields = c.limits.response_fields};
}

// Room for the larger of the heads that are read.
http::head_limits larger(const http::head_limits& a, const http::head_limits& b) {
    return a.bytes < b.bytes ? b : a;
}

// What a 405 must say (RFC 9110, section 15.5.6). Any method goes on but CONNECT and TRACE; these are the known ones.
constexpr std::string_view allowed = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

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

// Of what is not HTTP nothing is believed.
bool is_readable(const http::request_head& request) noexcept {
    return request.error() == http::parse_errc::none && request.size() != 0;
}

// Only who has ended TLS in front of us may ask for an https URI here (RFC 9110, section 7.4).
bool claims_tls(const http::request_head& request) noexcept {
    constexpr std::string_view https = "https:";
    return request.form() == http::target_form::absolute &&
           http::equal_names(request.target().substr(0, https.size()), https);
}

}  // namespace

worker::worker(const plan& serves, const address_book& addresses, unsigned number, const monotonic_clock* time)
    : plan_(serves),
      addresses_(addresses),
      number_(number),
      time_(time),
      loop_(http::reactor::of(io_)),
      limits_(limits_of(serves.configured())),
      response_limits_(response_limits_of(serves.configured())),
      memory_(larger(limits_.head, response_limits_)),
      random_(std::uint64_t(steady_now().time_since_epoch().count()) ^ number),
      server_(loop_, memory_, limits_, *this) {
    if (time_ != nullptr) loop_.use(*time_);
    else loop_.linger(std::chrono::milliseconds{1});
    for (const auto& u : plan_.upstreams()) {
        auto& part = upstreams_.emplace_back();
        part.picks = std::make_unique<balancer>(*u->endpoints, number, random_.next());
        part.limits.idle_time = u->configured.connections.keep_alive_idle;
    }
}

worker::~worker() {
    server_.close();
    exchanges_.clear();
}

endpoint_connections* worker::connections_to(upstream_state& u, const endpoint& e) {
    auto& part = upstreams_[u.number];
    const std::uint64_t edition = addresses_.edition();
    auto known = part.origins.find(std::string_view{e.address()});
    if (known != part.origins.end() && known->second->edition == edition) return known->second.get();
    auto found = addresses_.find(e.address());
    if (found.empty()) return nullptr;
    if (known == part.origins.end()) {
        auto& in_use = u.in_use.find(e.address())->second.connections;
        known = part.origins.emplace(e.address(), std::make_unique<endpoint_connections>(part.limits, in_use)).first;
    }
    endpoint_connections& to = *known->second;
    to.edition = edition;
    if (found == to.addresses) return &to;
    to.addresses = std::move(found);
    ++to.moves;
    to.turn = number_;  // the workers spread over them
    to.idle.clear();
    return &to;
}

http::exchange* worker::serve(http::server_connection& c) {
    const http::request_head& request = c.request();
    const head_fields fields{request};
    const message_limits& limits = plan_.configured().limits;
    if (request.target().size() > limits.uri)
        return refuse(c, 414, sentence(http::parse_errc::start_line_too_long)), nullptr;
    if (request.method() == http::method_id::trace) return refuse(c, 405, "TRACE is not served"), nullptr;
    if (request.body().kind == http::framing::length && request.body().bytes > limits.body)
        return refuse(c, 413, too_large_body), nullptr;
    if (claims_tls(request) && !is_trusted_peer(c))
        return refuse(c, 421, "an https URI is not served on a connection without TLS"), nullptr;
    if (has_been_at(fields, pseudonym()))
        return refuse(c, 502, "this request has been here before; gateways in a row need a pseudonym each"), nullptr;
    if (request.method() == http::method_id::options) {
        const auto hops = hops_left(request);
        if (!hops) return refuse(c, 400, "Max-Forwards must be one whole number"), nullptr;
        if (*hops == 0) return answer_as_last(c), nullptr;
    }
    char normal[http::head_limits::most_bytes];
    const auto path = request_path(request.path(), plan_.configured().paths, normal);
    if (request.form() != http::target_form::asterisk && !path) return refuse(c, 400, path.error()), nullptr;
    const auto host = http::parse_authority(request.authority());
    // `OPTIONS *` goes where most of what the server has would go.
    route_state* const route =
        plan_.match({host ? host->host : std::string_view{}, path ? *path : "/", request.method_text(), &fields});
    if (route == nullptr) return refuse(c, 404, "no route matches this request"), nullptr;
    if (free_.empty()) {
        exchanges_.push_back(std::make_unique<proxied_exchange>(*this));
        free_.reserve(exchanges_.capacity());
        free_.push_back(exchanges_.back().get());
    }
    proxied_exchange& e = *free_.back();
    free_.pop_back();
    return e.begin(c, *route);
}

bool worker::is_trusted_peer(const http::server_connection& c) const {
    std::array<char, INET6_ADDRSTRLEN> room{};
    return is_trusted(c.peer().ip(room), plan_.configured().trusted_proxies);
}

void worker::drain(duration within) {
    drained_by_ = saturating_add(loop_.now(), within);
    server_.drain();
    look_at_drain();
}

void worker::look_at_drain() {
    if (server_.drained() || loop_.now() >= drained_by_) {
        server_.close();
        return io_.stop();
    }
    loop_.arm_in(drain_timer_, http::reactor::tick);
}

void worker::release(proxied_exchange& done) noexcept {
    free_.push_back(&done);
}

void worker::log(const http::server_connection& c, access_entry entry) noexcept {
    entry.ended = wall_now();
    std::array<char, INET6_ADDRSTRLEN> room{};
    if (is_readable(c.request()))
        entry.client = client_address(head_fields{c.request()}, c.peer().ip(room), plan_.configured().trusted_proxies);
    entry.peer = {reinterpret_cast<const char*>(c.peer().get()), c.peer().size};
    log_->add(number_, entry);
}

void worker::log_unrouted(const http::server_connection& c, const request_notes& notes, std::string_view why) noexcept {
    if (!logs()) return;
    access_entry e{.response_bytes = notes.response_bytes,
                   .status = notes.status,
                   .what = notes.what,
                   .request_id = notes.request_id(),
                   .trace_id = notes.trace_id(),
                   .reason = why};
    const http::request_head& request = c.request();
    if (is_readable(request))
        e.method = request.method_text(), e.host = request.authority(), e.target = request.target();
    log(c, e);
}

worker::refusal_text worker::explain(const http::server_connection& c, const refusal& r) {
    const bool readable = is_readable(c.request());
    const auto accept = readable ? c.request().find(http::field_id::accept) : std::nullopt;
    scratch_text_.clear();
    line_writer fields{scratch_text_};
    constexpr double unit = 0x1p-53;
    write_refusal(r, pseudonym(), preferred_body(accept.value_or("")), double(random_.next() >> 11) * unit, fields,
                  scratch_line_);
    if (r.effective_status() == 405) scratch_text_.append(allowed);
    return {scratch_text_, scratch_line_};
}

void worker::refuse(http::server_connection& c, int status, std::string_view why) {
    const http::request_head& request = c.request();
    request_notes notes;
    notes.begin(is_readable(request) ? &request : nullptr, random_, loop_.now());
    notes.status = status;
    notes.what = incident_of_status(status);
    const auto text = explain(c, {.what = *notes.what,
                                  .details = why,
                                  .request_id = notes.request_id(),
                                  .trace_id = notes.trace_id(),
                                  .status = status});
    notes.response_bytes = request.method() == http::method_id::head ? 0 : text.body.size();
    log_unrouted(c, notes, why);
    route_counts::add(unrouted_[static_cast<std::size_t>(status - first_refusal)]);
    c.answer(status, {}, text.body, text.fields);
}

// An OPTIONS that may be forwarded no further is for us (RFC 9110, section 7.6.2).
void worker::answer_as_last(http::server_connection& c) {
    request_notes notes;
    notes.begin(&c.request(), random_, loop_.now());
    notes.status = 200;
    log_unrouted(c, notes, {});
    own_answer(scratch_text_, {.proxy = pseudonym(), .error = {}, .details = "Max-Forwards ends here"},
               notes.request_id());
    c.answer(200, {}, {}, scratch_text_);
}

}  // namespace fusebox::gateway

#include "exchange/thread_resources.hpp"

#include "messages/forwarded_head.hpp"
#include "messages/forwarding.hpp"
#include "messages/refusal.hpp"
#include "messages/request_text.hpp"

#include <algorithm>
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

}  // namespace

thread_resources::thread_resources(const plan& serves, const address_book& addresses, unsigned number,
                                   const monotonic_clock* time)
    : plan_(serves),
      addresses_(addresses),
      number_(number),
      time_(time),
      loop_(http::reactor::of(io_)),
      limits_(limits_of(serves.configured())),
      response_limits_(response_limits_of(serves.configured())),
      memory_(larger(limits_.head, response_limits_)),
      random_(std::uint64_t(steady_now().time_since_epoch().count()) ^ number) {
    if (time_ != nullptr) loop_.use(*time_);
    else loop_.linger(std::chrono::milliseconds{1});
    for (const auto& u : plan_.upstreams()) {
        auto& part = upstreams_.emplace_back();
        part.picks = std::make_unique<balancer>(*u->endpoints, number, random_.next());
        part.limits.idle_time = u->configured.connections.keep_alive_idle;
    }
}

endpoint_connections* thread_resources::connections_to(upstream_state& u, const endpoint& e) {
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

void thread_resources::log(const http::server_connection& c, access_entry entry) noexcept {
    entry.ended = wall_now();
    std::array<char, INET6_ADDRSTRLEN> room{};
    if (is_readable(c.request()))
        entry.client = client_address(head_fields{c.request()}, c.peer().ip(room), plan_.configured().trusted_proxies);
    entry.peer = {reinterpret_cast<const char*>(c.peer().get()), c.peer().size};
    log_->add(number_, entry);
}

thread_resources::refusal_text thread_resources::explain(const http::server_connection& c, const refusal& r) {
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

}  // namespace fusebox::gateway

#include "exchange/response_relay.hpp"

#include "exchange/chunks.hpp"
#include "messages/forwarded_head.hpp"

#include <fusebox/http/gather.hpp>

namespace fusebox::gateway {

response_relay::state response_relay::begin(http::server_connection& client, http::client_connection& origin,
                                            kept_part& kept, std::string_view note, std::string& lines) {
    *this = {};
    client_ = &client;
    origin_ = &origin;
    kept_ = &kept;
    const http::response_head& head = origin.head();
    const auto plan = client.plan(head.status(), head.body());
    chunked_ = plan.chunked;
    http::gather out;
    forwarded_response(out, lines, head, plan, note);
    client.final_response_begins();
    // What came with the head goes out with it.
    bool sent = false;
    const auto status = origin.read_body([&](std::span<const iovec> parts) {
        const http::chunk_line line{size_of(parts)};
        kept.copy(parts);
        down_ += size_of(parts);
        if (sent) out = {};
        sent = true;
        add_parts(out, parts, chunked_ ? &line : nullptr);
        client.send(out.pieces());
    });
    if (!sent) client.send(out.pieces());
    return relay(status);
}

response_relay::state response_relay::go_on() {
    if (tunnel_) return pass_both_ways();
    if (client_->unsent() > 0) return state::awaits_client;
    return relay(http::body_status::more);
}

response_relay::state response_relay::relay(http::body_status status) {
    while (status == http::body_status::more && client_->unsent() == 0) {
        status = origin_->read_body([this](std::span<const iovec> parts) {
            const http::chunk_line line{size_of(parts)};
            kept_->copy(parts);
            down_ += size_of(parts);
            http::gather out;
            add_parts(out, parts, chunked_ ? &line : nullptr);
            client_->send(out.pieces());
        });
    }
    switch (status) {
        case http::body_status::more: return state::awaits_client;
        case http::body_status::blocked: return client_->unsent() > 0 ? state::awaits_client : state::awaits_origin;
        case http::body_status::complete:
            if (chunked_) send_last_chunk();
            return state::whole;
        default: return state::cut;
    }
}

void response_relay::send_last_chunk() {
    http::gather out;
    add_last_chunk(out, client_->request().accepts_trailers() ? origin_->trailers() : nullptr);
    client_->send(out.pieces());
}

response_relay::state response_relay::begin_tunnel(http::server_connection& client, http::client_connection& origin) {
    *this = {};
    client_ = &client;
    origin_ = &origin;
    tunnel_ = true;
    http::gather out;
    forwarded_switch(out, origin.head());
    client.final_response_begins();
    client.send(out.pieces());
    client.begin_tunnel();
    origin.begin_tunnel();
    return pass_both_ways();
}

response_relay::state response_relay::pass_both_ways() {
    auto down = http::body_status::more, up = http::body_status::more;
    (void)origin_->flush();
    while (down == http::body_status::more && client_->unsent() == 0)
        down = origin_->read_body([this](std::span<const iovec> parts) {
            down_ += size_of(parts);
            client_->send(parts);
        });
    while (up == http::body_status::more && origin_->unsent() == 0)
        up = client_->read_body([this](std::span<const iovec> parts) {
            up_ += size_of(parts);
            (void)origin_->send(parts);
        });
    if (up == http::body_status::complete && origin_->unsent() == 0) origin_->finish_writing();
    if (down == http::body_status::complete) return state::whole;
    const bool broken = down == http::body_status::truncated || up == http::body_status::truncated || origin_->gone();
    return broken ? state::cut : state::awaits_origin;
}

}  // namespace fusebox::gateway

#include <fusebox/http/server_connection.hpp>

#include <fusebox/http/date.hpp>
#include <fusebox/http/gather.hpp>

#include <array>
#include <charconv>
#include <utility>

namespace fusebox::http {

server_connection::server_connection(reactor& loop, connection_memory& memory, const connection_limits& limits,
                                     service& serves, connection_owner& owner, const socket_address& peer) noexcept
    : loop_(loop),
      limits_(limits),
      service_(serves),
      owner_(owner),
      input_(socket_, memory),
      out_(socket_, memory.unsent),
      peer_(peer) {}

server_connection::~server_connection() = default;

std::error_code server_connection::start(int fd) {
    if (auto failed = socket_.adopt(fd)) return failed;
    loop_.arm_in(reading_, limits_.head_time);
    return {};
}

void server_connection::drain() {
    draining_ = true;
    if (phase_ == phase::idle) loop_.arm_in(reading_, limits_.linger);
}

void server_connection::close(exchange::loss why) {
    if (phase_ == phase::closed) return;
    if (auto* served = std::exchange(exchange_, nullptr)) served->client_lost(why);
    finish();
}

// -- Edges -------------------------------------------------------------------------------------------

void server_connection::edge() {
    switch (phase_) {
        case phase::idle:
        case phase::reading_head: return read_heads();
        case phase::serving: {
            if (socket_.gone()) return lose(exchange::loss::client_gone);
            const std::size_t before = out_.pending();
            if (!out_.flush()) return lose(exchange::loss::client_gone);
            if (out_.pending() == 0) writing_.disarm();
            else if (out_.pending() < before) loop_.arm_in(writing_, limits_.write_pause);
            if ((before > 0 && out_.pending() == 0) || (wants_body_ && socket_.readable())) exchange_->client_ready();
            return;
        }
        case phase::flushing:
            if (!out_.flush()) return finish();
            if (out_.pending() == 0) after_response();
            else loop_.arm_in(writing_, limits_.write_pause);
            return;
        case phase::lingering: return linger();
        case phase::closed: return;
    }
}

// Serves requests as long as they are there. A response that is complete at once comes back here by
// after_response(), which must not nest.
void server_connection::read_heads() {
    if (in_read_heads_) return;
    in_read_heads_ = true;
    while ((phase_ == phase::idle || phase_ == phase::reading_head) && read_one_head()) {}
    in_read_heads_ = false;
}

// False when there is nothing more to do now.
bool server_connection::read_one_head() {
    for (bool first = true;; first = false) {
        if (input_.begun()) {
            if (socket_.turn_is_over()) return false;  // many heads may lie in the memory
            const auto received = input_.received();
            const auto status = input_.head().parse({received.data(), received.size()}, limits_.head);
            if (status == parse_status::complete) return loop_.spend(reactor::price_of_head), serve(), true;
            if (status == parse_status::refused) {
                refuse(answer_status(input_.head().error()), sentence(input_.head().error()));
                return false;
            }
            if (phase_ == phase::idle) {
                phase_ = phase::reading_head;
                loop_.arm_in(reading_, limits_.head_time);
            }
        }
        if (!socket_.readable() && !(first && socket_.peer_finished())) return false;
        const transfer t = input_.fill();
        if (t.kind == transfer::blocked) return false;
        if (t.kind != transfer::moved) return finish(), false;
    }
}

void server_connection::serve() {
    phase_ = phase::serving;
    reading_.disarm();
    input_.begin_body(input_.head().body());
    response_begun_ = false;
    wants_body_ = false;
    close_after_ = !input_.head().keep_alive();
    exchange* const begun = service_.serve(*this);
    if (phase_ == phase::serving) exchange_ = begun;
}

void server_connection::lose(exchange::loss why) {
    if (auto* served = std::exchange(exchange_, nullptr)) served->client_lost(why);
    if (phase_ != phase::serving) return;
    if (response_begun_ || why == exchange::loss::client_gone || why == exchange::loss::client_not_reading)
        return socket_.abort(), finish();
    if (why == exchange::loss::body_slow) return refuse(408, "the body of the request came too slowly");
    finish();
}

void server_connection::fail_body() {
    exchange_ = nullptr;
    if (response_begun_) return abort();
    if (input_.body_error() == parse_errc::none) return finish();  // the client has closed
    refuse(400, sentence(input_.body_error()));
}

void server_connection::refuse(int status, std::string_view why) {
    phase_ = phase::serving;
    reading_.disarm();
    close_after_ = true;
    response_begun_ = false;
    service_.refuse(*this, status, why);
}

// -- Responses ---------------------------------------------------------------------------------------

server_connection::framing_plan server_connection::plan(int status, framing body) noexcept {
    framing_plan p;
    const bool readable_request = input_.begun() && input_.head().error() == parse_errc::none;
    const bool old = readable_request && input_.head().version() == http_version::v1_0;
    // The method is known even where what follows it is refused.
    const bool head = input_.begun() && input_.head().method() == method_id::head;
    p.body = !head && status >= 200 && status != 204 && status != 304;
    if (p.body && (body.kind == framing::chunked || body.kind == framing::until_close)) {
        p.chunked = !old;
        if (old) close_after_ = true;
    }
    // What is left of the request is not waited for.
    if (draining_ || !input_.body_complete()) close_after_ = true;
    p.close = close_after_;
    p.keep_alive = old && !p.close;
    return p;
}

bool server_connection::send(std::span<const iovec> pieces) {
    if (phase_ != phase::serving) return false;
    if (!out_.send(pieces)) {
        loop_.arm(writing_, loop_.now());  // told soon, but not from within the exchange's own call
        return false;
    }
    if (out_.pending() > 0 && !writing_.armed()) loop_.arm_in(writing_, limits_.write_pause);
    return true;
}

bool server_connection::send(std::string_view text) {
    const std::array pieces{iovec{const_cast<char*>(text.data()), text.size()}};
    return send(pieces);
}

void server_connection::response_complete() {
    exchange_ = nullptr;
    wants_body_ = false;
    reading_.disarm();
    if (out_.error() != 0) return finish();
    if (out_.pending() > 0) {
        phase_ = phase::flushing;
        return;
    }
    after_response();
}

void server_connection::abort() {
    exchange_ = nullptr;
    socket_.abort();
    finish();
}

void server_connection::after_response() {
    writing_.disarm();
    out_.reset();
    const bool readable = input_.head().error() == parse_errc::none;
    if (!readable || !input_.body_complete()) return begin_linger();
    if (close_after_ || draining_) return begin_linger();
    input_.next_message();
    phase_ = phase::idle;
    loop_.arm_in(reading_, input_.begun() ? limits_.head_time : limits_.idle);
    if (input_.begun() || socket_.readable() || socket_.peer_finished()) read_heads();
    if (is_idle()) owner_.rested(*this);
}

void server_connection::send_answer(int status, std::string_view content_type, std::string_view body,
                                    std::string_view fields) {
    discard_body();
    const framing_plan p = plan(status, {framing::length, body.size()});
    char status_text[4], length_text[24];
    const auto put = [](char* at, char* end, auto number) {
        return std::string_view(at, std::size_t(std::to_chars(at, end, number).ptr - at));
    };
    gather out;
    out.add("HTTP/1.1 ");
    out.add(put(status_text, status_text + sizeof status_text, status));
    out.add(" ");
    out.add(reason_phrase(status));
    out.add("\r\nDate: ");
    out.add(http_date());
    if (!content_type.empty()) {
        out.add("\r\nContent-Type: ");
        out.add(content_type);
    }
    if (status != 204) {  // which must not have one (RFC 9110, section 8.6)
        out.add("\r\nContent-Length: ");
        out.add(put(length_text, length_text + sizeof length_text, body.size()));
    }
    out.add("\r\n");
    out.add(fields);
    if (p.close) out.add("Connection: close\r\n");
    if (p.keep_alive) out.add("Connection: keep-alive\r\n");
    out.end();
    if (p.body) out.add(body);
    response_begun_ = true;
    send(out.pieces());
}

void server_connection::answer(int status, std::string_view content_type, std::string_view body,
                               std::string_view fields) {
    send_answer(status, content_type, body, fields);
    response_complete();
}

// -- The end -----------------------------------------------------------------------------------------

// What is here of a body that nobody wants, so that a short one does not cost the connection.
void server_connection::discard_body() {
    if (input_.head().error() != parse_errc::none) return;
    constexpr int reads = 4;
    for (int i = 0; i < reads && input_.read_body([](auto) {}) == body_status::more; ++i) {}
}

void server_connection::begin_linger() {
    phase_ = phase::lingering;
    input_.drop();
    socket_.finish_writing();
    lingered_ = 0;
    loop_.arm_in(reading_, limits_.linger);
    linger();
}

void server_connection::linger() {
    if (socket_.gone()) return finish();
    char discarded[4096];
    while (socket_.readable()) {
        const transfer t = socket_.read(discarded);
        if (t.kind == transfer::blocked) return;
        lingered_ += static_cast<std::uint32_t>(t.bytes);
        if (t.kind != transfer::moved || lingered_ > limits_.linger_bytes) return finish();
    }
}

void server_connection::finish() {
    if (phase_ == phase::closed) return;
    phase_ = phase::closed;
    reading_.disarm();
    writing_.disarm();
    out_.reset();
    input_.drop();
    socket_.close();
    loop_.after_this(end_);
}

void server_connection::told_closed() {
    owner_.closed(*this);
}

void server_connection::reading_expired() {
    switch (phase_) {
        case phase::reading_head: return refuse(408, "the head of the request came too slowly");
        case phase::serving: return lose(exchange::loss::body_slow);
        case phase::idle: return draining_ ? begin_linger() : finish();
        default: return finish();
    }
}

void server_connection::writing_expired() {
    if (phase_ == phase::serving)
        return lose(out_.error() != 0 ? exchange::loss::client_gone : exchange::loss::client_not_reading);
    socket_.abort();
    finish();
}

}  // namespace fusebox::http

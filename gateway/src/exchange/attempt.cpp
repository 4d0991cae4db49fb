#include "exchange/attempt.hpp"

#include "exchange/proxied_exchange.hpp"
#include "kept/validation.hpp"
#include "messages/forwarded_head.hpp"

#include <fusebox/http/gather.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace fusebox::gateway {

namespace {

constexpr duration continue_wait = std::chrono::seconds{1};  // RFC 9110, section 10.1.1

incident incident_of_connect(int error) noexcept {
    switch (error) {
        case ECONNREFUSED: return incident::connection_refused;
        case ETIMEDOUT: return incident::connection_timeout;
        case EAGAIN:
        case EADDRNOTAVAIL: return incident::no_local_port;
        case EMFILE:
        case ENFILE: return incident::out_of_descriptors;
        default: return http::is_own_trouble(error) ? incident::out_of_memory : incident::destination_unroutable;
    }
}

incident incident_of_head(http::parse_errc e) noexcept {
    switch (e) {
        case http::parse_errc::head_too_large:
        case http::parse_errc::too_many_fields:
        case http::parse_errc::start_line_too_long: return incident::response_head_too_large;
        case http::parse_errc::transfer_coding_unknown: return incident::response_coding_unknown;
        default: return incident::response_malformed;
    }
}

}  // namespace

// -- A connection ------------------------------------------------------------------------------------

void attempt::ask() {
    stage_ = stage::connecting;
    began_ = of_.now();
    must_be_fresh_ = false;
    replay_ = true;
    route_counts::add(of_.route_->counts[thread_.number()].tries);
    of_.note_try(number_);
    if (!lease_) return failed(incident::no_endpoint);
    endpoint_name_ = lease_->target().address();
    connect();
}

void attempt::connect() {
    stage_ = stage::connecting;
    origin_ = thread_.connections_to(*of_.to_, lease_->target());
    if (origin_ == nullptr) return failed(incident::dns_error);
    if (origin_->in_use.fetch_add(1, std::memory_order_relaxed) >= of_.to_->configured.connections.max_per_endpoint) {
        drop(false);
        return failed(incident::bulkhead_full);
    }
    moves_ = origin_->moves;
    if (!must_be_fresh_) upstream_ = origin_->idle.take();
    fresh_ = upstream_ == nullptr;
    if (fresh_) return dial(origin_->addresses.size());
    upstream_->notify(http::on<&attempt::stirred>(this));
    connected();
}

// Connects anew; so many of the name's addresses are left to be tried.
void attempt::dial(std::size_t addresses) {
    untried_ = addresses - 1;
    upstream_ = std::make_unique<http::client_connection>(thread_.loop(), thread_.memory(), thread_.response_limits());
    upstream_->notify(http::on<&attempt::stirred>(this));
    if (const auto refused = upstream_->connect(origin_->at())) return not_connected(refused.value());
    const time_point connect_by = saturating_add(of_.now(), of_.route_->configured.timeout.connect);
    arm(std::min(connect_by, state_->context.deadline()));
}

void attempt::not_connected(int error) {
    // A port may be free towards another address, or there is none of this one's family.
    const bool another_may_do = error == EAGAIN || error == EADDRNOTAVAIL;
    if (http::is_own_trouble(error) && !another_may_do) return failed(incident_of_connect(error));
    origin_->turn_away();
    if (untried_ > 0) return dial(untried_);
    failed(incident_of_connect(error));
}

void attempt::stirred() {
    switch (stage_) {
        case stage::connecting: {
            std::error_code why;
            const auto progress = upstream_->connecting(why);
            if (progress == http::stream_socket::progress::established) return connected();
            if (progress == http::stream_socket::progress::failed) not_connected(why.value());
            return;
        }
        case stage::asking: {
            const std::uint32_t mine = of_.use_;
            const bool waited = upstream_->unsent() > 0;
            if (upstream_->flush() && upstream_->unsent() == 0) {
                if (!request_closed_) send_body();
                else if (waited) await_first_byte();
            }
            if (of_.use_ == mine && stage_ == stage::asking) read_heads();
            return;
        }
        case stage::answered:
            if (of_.last_ == this) of_.upstream_stirred();
            return;
        default: return;
    }
}

// The origin closed before a response. On a connection that was used before, it may just have grown tired of it:
// that is nobody's failure, and the request is sent once more where it does no harm.
void attempt::connection_lost() {
    client_came();
    if (upstream_->has_own_trouble()) return failed(incident::out_of_memory);
    if (fresh_ || upstream_->heard()) return failed(incident::connection_terminated);
    if (!of_.may_repeat(*this) || must_be_fresh_) return failed(incident::reuse_race);
    drop(false);
    must_be_fresh_ = true;
    replay_ = true;
    connect();
}

void attempt::drop(bool reuse) noexcept {
    if (origin_ != nullptr) origin_->in_use.fetch_sub(1, std::memory_order_relaxed);
    if (upstream_) {
        upstream_->notify({});
        if (reuse && moves_ == origin_->moves) origin_->idle.give(std::move(upstream_));
        upstream_.reset();
    }
    origin_ = nullptr;
}

// -- The request goes out ----------------------------------------------------------------------------

void attempt::connected() {
    stage_ = stage::asking;
    request_closed_ = false;
    send_head();
    const time_point deadline = state_->context.deadline();
    arm(await_continue_ ? std::min(saturating_add(of_.now(), continue_wait), deadline) : deadline);
    if (!await_continue_) send_body();
}

void attempt::send_head() {
    const http::request_head& head = of_.client_->request();
    // The protocol cannot change in the middle of a message (RFC 9110, section 7.8), so one with a body is not asked
    // to.
    const bool has_body = head.body().kind == http::framing::chunked || head.body().bytes > 0;
    const bool upgrades = !has_body && head.upgrade() && upgrade_allowed(head, of_.route_->configured.upgrade);
    upstream_->begin_request({head.method() == http::method_id::head, upgrades});
    await_continue_ = head.expects_continue() && !of_.client_->body_complete();
    std::string& lines = thread_.scratch_text();
    lines.clear();
    if (line_writer conditions{lines}; of_.validated_) add_conditions(*of_.validated_, conditions);
    http::gather out;
    forwarded_request(out, lines, thread_.scratch_line(), head,
                      {.client = *of_.client_,
                       .trusted = thread_.serves().configured().trusted_proxies,
                       .pseudonym = thread_.pseudonym(),
                       .host = of_.route_->configured.rewrite_host,
                       .default_host = of_.route_->configured.upstream,
                       .span = child_of(of_.notes_.trace, thread_.random().next()),
                       .keeps_trace_state = of_.notes_.keeps_trace_state,
                       .request_id = of_.notes_.request_id(),
                       .keeps_underscores = thread_.serves().configured().keep_underscores,
                       .upgrade = upgrades,
                       .validates = of_.validated_ != nullptr});
    (void)upstream_->send(out.pieces());
}

void attempt::client_ready() {
    if (stage_ != stage::asking) return;
    const std::uint32_t mine = of_.use_;
    if (!await_continue_ && !request_closed_ && upstream_->unsent() == 0) send_body();
    if (of_.use_ == mine && stage_ == stage::asking) read_heads();
}

// The client's slowness is not the try's: while its body is waited for, only the clock of the whole call runs.
void attempt::await_client() {
    awaits_client_since_ = of_.now();
    arm(of_.whole_call_ends());
}

void attempt::client_came() {
    if (!awaits_client_since_) return;
    const duration waited = of_.now() - *std::exchange(awaits_client_since_, std::nullopt);
    began_ += waited;
    const time_point deadline = state_->context.deadline();
    state_->context.set_deadline(std::max(deadline, std::min(saturating_add(deadline, waited), of_.whole_call_ends())));
    arm(state_->context.deadline());
}

// A part of the client's body goes out, and is kept if another try may need it.
void attempt::send_body_part(std::span<const iovec> parts) {
    std::size_t size = 0;
    for (const iovec& p : parts) size += p.iov_len;
    of_.body_size_ += size;
    if (of_.body_too_large()) return;
    of_.keep_body(parts, size, !fresh_);
    send_upstream(parts, size);
}

void attempt::send_upstream(std::span<const iovec> parts, std::size_t size) {
    if (of_.client_->request().body().kind != http::framing::chunked) {
        (void)upstream_->send(parts);
        return;
    }
    http::gather out;
    const http::chunk_line line{size};
    out.add(line.text());
    for (const iovec& p : parts) out.add({static_cast<const char*>(p.iov_base), p.iov_len});
    out.add("\r\n");
    (void)upstream_->send(out.pieces());
}

void attempt::send_body() {
    client_came();
    // A broken connection shows itself when the response is read: the origin may have answered before it closed.
    if (replay_) {
        replay_ = false;
        std::string& kept = of_.kept_body_;
        if (!kept.empty()) {
            const iovec all{kept.data(), kept.size()};
            send_upstream({&all, 1}, kept.size());
        }
    }
    while (upstream_->unsent() == 0) {
        const auto status = of_.client_->read_body([this](std::span<const iovec> parts) { send_body_part(parts); });
        if (of_.body_too_large()) return of_.refuse_body();
        switch (status) {
            case http::body_status::more: continue;
            case http::body_status::blocked: return await_client();
            case http::body_status::complete:
                request_closed_ = true;
                if (of_.client_->request().body().kind == http::framing::chunked) {
                    const iovec last{const_cast<char*>(http::last_chunk.data()), http::last_chunk.size()};
                    (void)upstream_->send({&last, 1});
                }
                upstream_->request_complete();
                of_.body_is_whole();
                return await_first_byte();
            default: return of_.client_failed();
        }
    }
}

// All of the request is on its way, and when the origin has taken it, the clock of its answer begins.
void attempt::await_first_byte() {
    const duration wait = of_.route_->configured.timeout.first_byte;
    if (wait == duration::max() || upstream_->unsent() > 0 || upstream_->response_begun()) return;
    arm(std::min(saturating_add(of_.now(), wait), state_->context.deadline()));
}

// -- The response comes ------------------------------------------------------------------------------

void attempt::read_heads() {
    const std::uint32_t mine = of_.use_;
    while (of_.client_->unsent() == 0) {  // else a flood of interim responses would fill the memory
        switch (upstream_->read_head()) {
            case http::head_status::blocked:
                if (upstream_->response_begun() && !await_continue_) client_came(), arm(state_->context.deadline());
                return;
            case http::head_status::refused: return failed(incident_of_head(upstream_->head_error()));
            case http::head_status::closed: return connection_lost();
            case http::head_status::complete:
                if (!upstream_->head().interim()) return take_head();
                take_interim();
                if (of_.use_ != mine || stage_ != stage::asking) return;
        }
    }
}

void attempt::take_interim() {
    const bool go_on = upstream_->head().status() == 100;
    if (go_on) await_continue_ = false;
    of_.relay_interim(upstream_->head());
    upstream_->next_head();
    if (!await_continue_) arm(state_->context.deadline());
    if (go_on && !request_closed_) send_body();
}

void attempt::take_head() {
    client_came();
    const http::response_head& head = upstream_->head();
    if (head.status() == 101 && !switches_as_asked(of_.client_->request(), head))
        return failed(incident::upgrade_failed);
    const auto& on = of_.route_->repeats_on;
    const auto wanted = [&](const status_range& r) { return r.contains(static_cast<unsigned>(head.status())); };
    const bool again = on && std::ranges::any_of(on->statuses, wanted) && of_.may_repeat(*this);
    std::optional<duration> wish;
    if (const auto field = head.find(http::field_id::retry_after)) {
        const auto wall = std::chrono::system_clock::now().time_since_epoch();
        wish = parse_retry_after(*field, std::chrono::duration_cast<std::chrono::seconds>(wall).count());
    }
    result_->response(head.status(), again, of_.now() - began_, wish);
    of_.count_try(static_cast<unsigned>(head.status()), of_.now() - began_);
    stage_ = stage::answered;
    if (head.status() == 101 || result_->meaning() != outcome::failure || !of_.may_improve(again))
        return of_.take_answer(*this);
    end();
}

// -- The end -----------------------------------------------------------------------------------------

void attempt::failed(incident what, bool own_pause) {
    client_came();
    const auto& on = of_.route_->repeats_on;
    bool again = on && of_.may_repeat(*this);
    switch (row_of(what).group) {
        case outcome_class::connect:
        case outcome_class::name_resolution: again = again && on->connect_failure; break;
        case outcome_class::timeout: again = again && on->timeout; break;
        case outcome_class::reset:
        case outcome_class::race: again = again && on->reset; break;
        default: again = false;
    }
    result_->failed(what, again, of_.now() - began_);
    of_.count_try(route_counts::first_incident + static_cast<unsigned>(what), of_.now() - began_);
    if (own_pause) result_->say_nothing();
    of_.count(what);
    stage_ = stage::none;
    end(of_.now() >= state_->context.deadline() ? cancel_cause::deadline : cancel_cause::none);
}

void attempt::end(cancel_cause cause) {
    timer_.disarm();
    ended_ = true;
    of_.attempt_ended(*this, cause);
}

void attempt::expired() {
    const time_point now = of_.now();
    const bool over = now >= state_->context.deadline();
    // This process was stopped, or its loop starved, for more than half of the time that the origin should have had.
    const bool own_pause = now - timer_.at() > (timer_.at() - began_) / 2;
    switch (stage_) {
        case stage::waiting: return follow(walk_->resume());
        case stage::connecting: origin_->turn_away(); return failed(incident::connection_timeout, own_pause);
        case stage::asking:
            if (awaits_client_since_ && !upstream_->response_begun()) {
                if (now >= of_.whole_call_ends()) return of_.client_->body_late();
                return arm(of_.whole_call_ends());
            }
            if (await_continue_ && !over) {  // the origin says nothing to the expectation: the body goes all the same
                await_continue_ = false;
                arm(state_->context.deadline());
                return send_body();
            }
            return failed(upstream_->unsent() > 0 ? incident::connection_write_timeout : incident::response_timeout,
                          own_pause);
        case stage::answered: return of_.relayed(false);
        case stage::none: return;
    }
}

void attempt::stop_clocks() noexcept {
    state_->context.set_deadline(time_point::max());
}

void attempt::await_more(duration idle) {
    thread_.loop().arm_in(timer_, idle);
}

void attempt::settle() {
    if (lease_) lease_->settle(verdict_of(result_->meaning()), of_.now());
    lease_.reset();
}

void attempt::settle_trial() {
    if (walk_ && !walk_over_) walk_->tell_breakers();
    if (lease_) lease_->settle_trial(verdict_of(result_->meaning()), of_.now());
}

void attempt::rest() noexcept {
    timer_.disarm();
    walk_.reset();
    lease_.reset();
    drop(false);
    awaits_client_since_.reset();
    stage_ = stage::none;
}

void attempt::retire() noexcept {
    rest();
    own_policies_.clear();  // a policy that is held is never forgotten
    endpoint_name_.clear();
}

}  // namespace fusebox::gateway

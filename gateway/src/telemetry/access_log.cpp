#include "telemetry/access_log.hpp"

#include <fusebox/http/listener.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <numeric>
#include <system_error>
#include <type_traits>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace fusebox::gateway {

namespace {

constexpr std::size_t text_count = 11;
constexpr std::size_t longest_text = 0xffff;

// The texts of an entry, in the order in which they lie in a record.
std::array<std::string_view*, text_count> texts_of(access_entry& e) noexcept {
    return {&e.method,     &e.host,     &e.target, &e.route,  &e.upstream, &e.endpoint,
            &e.request_id, &e.trace_id, &e.reason, &e.client, &e.peer};
}

// What a record begins with; the texts follow.
struct record_head {
    access_entry entry;
    std::array<std::uint16_t, text_count> sizes;
};
static_assert(std::is_trivially_copyable_v<record_head>);

http::socket_address peer_of(const access_entry& e) noexcept {
    http::socket_address a;
    a.size = static_cast<socklen_t>(std::min(e.peer.size(), sizeof a.storage));
    std::memcpy(&a.storage, e.peer.data(), a.size);
    return a;
}

log_level level_of(const access_entry& e) noexcept {
    return e.status >= 500 ? log_level::warning : log_level::info;
}

}  // namespace

void write_access_line(std::string& out, log_form form, const access_entry& e) {
    log_line line{out, form, e.ended, level_of(e), "request"};
    std::array<char, INET6_ADDRSTRLEN> room;
    const std::string_view peer = e.peer.empty() ? std::string_view{} : peer_of(e).ip(room);
    line.add("client", e.client.empty() ? peer : e.client).add("peer", peer);
    line.add("method", e.method).add("host", e.host).add("target", e.target);
    line.add("status", std::uint64_t(e.status)).add("duration_seconds", e.took);
    line.add("request_bytes", e.request_bytes).add("response_bytes", e.response_bytes);
    line.add("route", e.route).add("service", e.upstream).add("endpoint", e.endpoint);
    if (!e.route.empty()) line.add("tries", std::uint64_t{e.tries});
    if (e.hedges != 0) line.add("hedges", std::uint64_t{e.hedges});
    if (e.first_byte) line.add("first_byte_seconds", *e.first_byte);
    if (e.breaker) line.add("circuit_state", to_string(*e.breaker));
    if (e.what) line.add("incident", row_of(*e.what).name);
    line.add("reason", e.reason).add("request_id", e.request_id).add("trace_id", e.trace_id);
}

access_log::access_log(log_output to, unsigned workers, std::size_t ring_bytes, duration patience)
    : to_(std::move(to)), patience_(patience), waker_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (waker_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    for (unsigned i = 0; i < workers; ++i) rings_.push_back(std::make_unique<log_ring>(ring_bytes));
    thread_ = std::jthread([this] { run(); });
}

access_log::~access_log() {
    give_up_at_ = saturating_add(steady_now(), patience_);
    ending_ = true;
    wake();
    thread_.join();
    ::close(waker_);
}

void access_log::add(unsigned worker, const access_entry& entry) noexcept {
    record_head head{entry, {}};
    const auto from = texts_of(head.entry);
    std::array<std::string_view, text_count + 1> parts;
    for (std::size_t i = 0; i < text_count; ++i) {
        parts[i + 1] = from[i]->substr(0, longest_text);
        head.sizes[i] = static_cast<std::uint16_t>(parts[i + 1].size());
    }
    parts[0] = {reinterpret_cast<const char*>(&head), sizeof head};
    if (rings_[worker]->push(parts) == log_ring::pushed::stored_past_half) wake();
}

std::uint64_t access_log::dropped() const noexcept {
    return std::accumulate(rings_.begin(), rings_.end(), lost_.load(std::memory_order_relaxed),
                           [](std::uint64_t sum, const auto& r) { return sum + r->dropped(); });
}

void access_log::expose(metrics::exposition& out) const {
    out.family("fusebox_access_log_lines_total", "counter",
               "Lines of the access log; dropped: its output did not keep up, or failed.");
    out.sample({{"result", "written"}}, written());
    out.sample({{"result", "dropped"}}, dropped());
}

void access_log::reopen() noexcept {
    reopening_ = true;
    wake();
}

void access_log::wake() noexcept {
    const std::uint64_t one = 1;
    (void)!::write(waker_, &one, sizeof one);
}

// -- The thread --------------------------------------------------------------------------------------

void access_log::run() {
    sigset_t pipe;  // that nobody reads any more is an error like others
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    constexpr int look_again_ms = 50;
    for (;;) {
        if (reopening_.exchange(false)) to_.reopen();
        const bool last = ending_.load();
        bool more = false;
        for (const auto& r : rings_) more |= format_some(*r);
        flush();
        if (more) continue;
        if (last) return;
        pollfd woken{waker_, POLLIN, 0};
        std::uint64_t count = 0;
        if (::poll(&woken, 1, look_again_ms) > 0) (void)!::read(waker_, &count, sizeof count);
    }
}

// True when there may be more.
bool access_log::format_some(log_ring& from) {
    constexpr std::size_t enough = 65536;
    while (text_.size() < enough) {
        const std::string_view record = from.front();
        if (record.data() == nullptr) return false;
        record_head head;
        std::memcpy(static_cast<void*>(&head), record.data(), sizeof head);
        std::size_t at = sizeof head;
        const auto to = texts_of(head.entry);
        for (std::size_t i = 0; i < text_count; ++i) {
            *to[i] = record.substr(at, head.sizes[i]);
            at += head.sizes[i];
        }
        write_access_line(text_, to_.form(), head.entry);
        ++lines_;
        from.pop();
    }
    return true;
}

void access_log::flush() {
    if (text_.empty()) return;
    const std::size_t lost = to_.write(text_, give_up_at_);
    lost_.fetch_add(lost, std::memory_order_relaxed);
    written_.fetch_add(lines_ - lost, std::memory_order_relaxed);
    text_.clear();
    lines_ = 0;
}

}  // namespace fusebox::gateway

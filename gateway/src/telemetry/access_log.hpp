// A line for each request that was answered, or given up.
//
//   worker ─► its own ring (log_ring.hpp) ─► the log's thread: formats, writes
//
// The workers copy a record, never wait and never allocate. When the thread does not keep up, because the disk or
// the reader of a pipe stands still, records are dropped and counted.
//
// Thread-safety: add() in the thread of its worker; expose() from any.
#pragma once

#include "telemetry/log_output.hpp"
#include "telemetry/log_ring.hpp"

#include <fusebox/circuit_breaker_options.hpp>
#include <fusebox/metrics/exposition.hpp>
#include "messages/incident.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/socket.h>

namespace fusebox::gateway {

// What a line says. What is empty is left out.
struct access_entry {
    std::int64_t ended = 0;  // as wall_now()
    duration took{0};
    std::optional<duration> first_byte{};  // until the upstream's response
    std::uint64_t request_bytes = 0;       // of bodies
    std::uint64_t response_bytes = 0;
    std::uint32_t tries = 0;
    std::uint32_t hedges = 0;  // of those, sent beside another
    int status = 0;
    std::optional<incident> what{};
    std::optional<circuit_state> breaker{};  // as the request left it

    std::string_view method{};
    std::string_view host{};
    std::string_view target{};
    std::string_view route{};
    std::string_view upstream{};
    std::string_view endpoint{};
    std::string_view request_id{};
    std::string_view trace_id{};
    std::string_view reason{};  // of a refusal
    std::string_view client{};  // its address, by the word of those who are trusted; the peer's when empty
    std::string_view peer{};    // the bytes of the sockaddr of the connection's other end
};

// Appends the line.
void write_access_line(std::string& out, log_form form, const access_entry& entry);

class access_log {
public:
    static constexpr std::size_t default_ring = std::size_t{1} << 20;

    // At its end, what is not written within `patience` is dropped.
    access_log(log_output to, unsigned workers, std::size_t ring_bytes = default_ring,
               duration patience = std::chrono::seconds{1});
    ~access_log();
    access_log(const access_log&) = delete;
    access_log& operator=(const access_log&) = delete;

    void add(unsigned worker, const access_entry& entry) noexcept;

    std::uint64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }
    std::uint64_t dropped() const noexcept;
    void expose(metrics::exposition& out) const;
    // Soon goes on with the file that has the log's name then. From any thread.
    void reopen() noexcept;

private:
    void run();
    bool format_some(log_ring& from);
    void flush();
    void wake() noexcept;

    log_output to_;
    const duration patience_;
    std::vector<std::unique_ptr<log_ring>> rings_;
    const int waker_;  // an eventfd
    std::atomic<bool> ending_{false};
    std::atomic<bool> reopening_{false};
    std::atomic<time_point> give_up_at_{time_point::max()};
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> lost_{0};  // in writing
    std::string text_;                    // the thread's
    std::size_t lines_ = 0;               // in it
    std::jthread thread_;
};

}  // namespace fusebox::gateway

// The answers that a route keeps, bounded in number and bytes: the least recently used go first. Under one key lie
// answers to requests that differ in what Vary names (RFC 9111, section 4.1).
//
// Thread-safety: every member may be called from any thread. An answer is not changed once it is kept, and lives as
// long as somebody sends it.
#pragma once

#include "kept/cache_rules.hpp"

#include <fusebox/clock.hpp>

#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fusebox::gateway {

struct kept_answer {
    // The head of `answer`, and what it says of `request`; without the fields that speak of a connection.
    kept_answer(const http::request_head& request, const http::response_head& answer, const cache_terms& terms,
                time_point now);

    // Whether it answers this request, too.
    bool fits(const http::request_head& request) const;
    duration age(time_point now) const noexcept { return terms.age + std::max(now - came, duration{0}); }
    bool is_fresh(time_point now) const noexcept { return now - came < terms.fresh_for; }
    bool may_replace_error(time_point now) const noexcept { return now - came < terms.instead_of_error; }
    bool can_be_validated() const noexcept { return !etag.empty() || !last_modified.empty(); }
    std::size_t bytes() const noexcept;

    struct named_value {
        std::string name;
        std::string value;  // of all its lines
    };
    int status;
    cache_terms terms;
    time_point came;
    std::vector<named_value> varies;  // what the request said in the fields that Vary names
    std::string etag;                 // what it may be validated by; empty without
    std::string last_modified;
    std::string fields;                 // whole lines
    std::shared_ptr<std::string> body;  // shared with what it becomes when it is validated
};

class answer_store {
public:
    answer_store(std::uint32_t most_answers, std::uint64_t most_bytes) noexcept
        : most_answers_(most_answers), most_bytes_(most_bytes) {}
    answer_store(const answer_store&) = delete;
    answer_store& operator=(const answer_store&) = delete;

    // The answer to such a request, of whatever age; null when there is none.
    std::shared_ptr<const kept_answer> find(std::string_view key, const http::request_head& request);
    // In place of the one there was for such a request.
    void keep(std::string_view key, const http::request_head& request, std::shared_ptr<const kept_answer> answer);
    void forget(std::string_view key);

    // So large may the body of one answer be.
    std::uint64_t most_bytes_each() const noexcept { return most_bytes_ / 8; }
    // For bodies that are still coming, which may take as many bytes as those that are kept. False: no room.
    bool reserve(std::uint64_t bytes) noexcept;
    void release(std::uint64_t bytes) noexcept { coming_.fetch_sub(bytes, std::memory_order_relaxed); }

    struct totals {
        std::uint64_t answers = 0;
        std::uint64_t bytes = 0;
    };
    totals kept() const;

private:
    static constexpr std::size_t most_variants = 16;  // under one key

    struct entry {
        std::string key;
        std::shared_ptr<const kept_answer> answer;
    };
    using place = std::list<entry>::iterator;
    using dropped = std::list<entry>;  // destroyed when the lock is free again

    void drop(place which, dropped& into);

    const std::uint32_t most_answers_;
    const std::uint64_t most_bytes_;
    std::atomic<std::uint64_t> coming_{0};
    mutable std::mutex mutex_;
    std::list<entry> entries_;                                 // the most recently used first
    std::unordered_multimap<std::string_view, place> by_key_;  // of the entries' own keys
    std::uint64_t bytes_ = 0;
};

}  // namespace fusebox::gateway

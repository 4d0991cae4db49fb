// Answers kept for later: the last good one (last_good), and one for each key (cache). Both know how old an answer
// is, and keep it beyond its time for the case that there is no better one (stale-if-error, as in RFC 5861).
//
// Values are shared, not copied, and are destroyed by whoever drops them last, with nothing locked.
// Thread-safety: every member may be called from any thread.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fusebox {

// An answer from the past.
template <class T>
struct aged {
    std::shared_ptr<const T> value;  // never null
    duration age;                    // never negative
};

// The newest good answer. Remembering allocates, once.
template <class T>
class last_good {
public:
    void remember(T value, time_point now) {
        auto next = std::make_shared<const T>(std::move(value));
        const std::lock_guard hold{mutex_};
        if (value_ && now < since_) return;  // a slow thread comes late with an older one
        value_.swap(next);
        since_ = now;
    }

    // The answer and its age, unless there is none, or it is older than max_age.
    std::optional<aged<T>> get(time_point now, duration max_age = duration::max()) const {
        const std::lock_guard hold{mutex_};
        const duration age = std::max(now - since_, duration{0});
        if (!value_ || age > max_age) return std::nullopt;
        return aged<T>{value_, age};
    }

    void forget() {
        std::shared_ptr<const T> dropped;
        const std::lock_guard hold{mutex_};
        value_.swap(dropped);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
    time_point since_{};
};

struct cache_options {
    std::uint32_t capacity = 1000;            // answers, 1 to 100 000 000; beyond, the least recently used one goes
    duration ttl = std::chrono::seconds{60};  // how long an answer is fresh; above 0
    duration stale_for{0};                    // how much longer it may serve as a stale one; at least 0

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    friend bool operator==(const cache_options&, const cache_options&) = default;
};

struct cache_snapshot {
    std::uint64_t size = 0;
    std::uint64_t hits = 0;  // totals
    std::uint64_t misses = 0;
    std::uint64_t stale = 0;    // stale answers given
    std::uint64_t evicted = 0;  // for want of room
};

// A bounded cache: time to live, least recently used out first, stale answers on demand. Hash and comparison of
// keys run under its lock.
template <class Key, class T, class Hash = std::hash<Key>>
class cache {
public:
    // Throws configuration_error when the options cannot be meant.
    explicit cache(cache_options options = {}) : options_(options) {
        if (auto errors = options_.validate(); !errors.empty()) throw configuration_error("cache", std::move(errors));
    }
    cache(const cache&) = delete;
    cache& operator=(const cache&) = delete;

    // The answer while it is fresh (age < ttl): a hit, or a miss.
    std::optional<aged<T>> find(const Key& key, time_point now) { return look_up(key, now, false); }

    // The answer, fresh or stale (age < ttl + stale_for), for when a new one could not be had. A fresh one, put
    // there meanwhile by another caller, is a hit; one that is missing is not counted: find() did.
    std::optional<aged<T>> find_stale(const Key& key, time_point now) { return look_up(key, now, true); }

    void put(const Key& key, T value, time_point now) {
        auto next = std::make_shared<const T>(std::move(value));
        std::list<entry> dropped;  // destroyed when the lock is free again
        const std::lock_guard hold{mutex_};
        if (const auto known = index_.find(key); known != index_.end()) {
            known->second->value.swap(next);
            known->second->since = now;
            touch(known->second);
            return;
        }
        if (index_.size() == options_.capacity) {
            index_.erase(entries_.back().key);
            dropped.splice(dropped.end(), entries_, std::prev(entries_.end()));
            ++counts_.evicted;
        }
        entries_.push_front({key, std::move(next), now});
        try {
            index_.emplace(key, entries_.begin());
        } catch (...) {
            entries_.pop_front();
            throw;
        }
    }

    void erase(const Key& key) {
        std::list<entry> dropped;
        const std::lock_guard hold{mutex_};
        if (const auto known = index_.find(key); known != index_.end()) drop(known, dropped);
    }

    void clear() {
        std::list<entry> dropped;
        const std::lock_guard hold{mutex_};
        index_.clear();
        entries_.swap(dropped);
    }

    cache_snapshot snapshot() const {
        const std::lock_guard hold{mutex_};
        cache_snapshot s = counts_;
        s.size = index_.size();
        return s;
    }
    const cache_options& options() const noexcept { return options_; }

private:
    struct entry {
        Key key;
        std::shared_ptr<const T> value;
        time_point since;
    };
    using place = typename std::list<entry>::iterator;
    using index = std::unordered_map<Key, place, Hash>;

    std::optional<aged<T>> look_up(const Key& key, time_point now, bool stale_too) {
        std::list<entry> dropped;
        const std::lock_guard hold{mutex_};
        const auto known = index_.find(key);
        if (known == index_.end()) {
            counts_.misses += !stale_too;
            return std::nullopt;
        }
        const place at = known->second;
        const duration age = std::max(now - at->since, duration{0});
        const bool fresh = age < options_.ttl;
        if (!fresh && age - options_.ttl >= options_.stale_for) drop(known, dropped);
        else if (fresh || stale_too) {
            touch(at);
            ++(fresh ? counts_.hits : counts_.stale);
            return aged<T>{at->value, age};
        }
        counts_.misses += !stale_too;
        return std::nullopt;
    }

    void touch(place at) { entries_.splice(entries_.begin(), entries_, at); }
    void drop(typename index::iterator known, std::list<entry>& dropped) {
        dropped.splice(dropped.end(), entries_, known->second);
        index_.erase(known);
    }

    const cache_options options_;
    mutable std::mutex mutex_;
    std::list<entry> entries_;  // the most recently used first
    index index_;
    cache_snapshot counts_;
};

}  // namespace fusebox

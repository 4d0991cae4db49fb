// One policy for each key (an endpoint, a header's value, a user), made when first asked for, and a bound
// on how many there are.
//
//   fusebox::keyed<fusebox::token_bucket> per_user{
//       [](std::string_view) { return std::make_shared<fusebox::token_bucket>(options); }, {.capacity = 10'000}};
//   per_user.get(user)->enter(now);
//
// Keys that strangers choose must not fill the memory: beyond `capacity` the key that was not asked for
// the longest is forgotten, and its policy starts anew when it comes back. What is known of an outage goes last: a
// circuit that is not closed is forgotten when no other is left to forget. A policy that somebody else
// still holds is never forgotten, so that one key never has two policies in use; the number of keys can
// exceed the capacity by those. The keys' own length is for the caller to bound.
//
// Thread-safety: all members may be called from any thread. Keys are spread over shards with a lock each,
// one for every 64 keys of capacity and 64 at most; the order of use is exact within a shard. No lock is
// held while the factory, a policy's destructor or a visitor runs. get() of a known key allocates nothing.
#pragma once

#include <fusebox/circuit_event.hpp>
#include <fusebox/config_error.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fusebox {

struct keyed_options {
    std::uint32_t capacity = 10'000;  // keys, 1 to 10 000 000

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const keyed_options&, const keyed_options&) = default;
};

struct keyed_snapshot {
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::uint64_t evictions = 0;  // in total
};

template <class Policy>
class keyed {
public:
    // Makes the policy of a key. May be called for a key by two threads at once; one result is then dropped.
    using factory = std::function<std::shared_ptr<Policy>(std::string_view key)>;

    // Throws configuration_error when the options cannot be meant.
    explicit keyed(factory make, keyed_options options = {})
        : make_(std::move(make)),
          capacity_(checked(options).capacity),
          shards_(std::bit_floor(std::clamp<std::size_t>(capacity_ / 64, 1, 64))) {}
    keyed(const keyed&) = delete;
    keyed& operator=(const keyed&) = delete;

    // The policy of `key`, made now if need be. Never null. Throws what the factory throws, and
    // std::logic_error when that returns null.
    std::shared_ptr<Policy> get(std::string_view key) {
        shard& s = shard_of(key);
        {
            const std::scoped_lock hold(s.mutex);
            if (auto known = s.touch(key)) return known;
        }
        auto made = make_(key);
        if (!made)
            throw std::logic_error("keyed: the factory returned null for '" + std::string(key) +
                                   "'; it must make a policy");
        const auto kept = insert(s, key, std::move(made));
        for (const bool ailing_too : {false, true})
            for (std::size_t i = 0; is_full() && i < shards_.size(); ++i)
                shrink(shards_[(index_of(s) + i) % shards_.size()], ailing_too);
        return kept;
    }

    // Calls visit(key, policy) for all keys there are, in no order.
    template <class Visit>
    void for_each(Visit visit) const {
        std::vector<entry> copy;
        for (const shard& s : shards_) {
            {
                const std::scoped_lock hold(s.mutex);
                copy.assign(s.recent.begin(), s.recent.end());
                copy.insert(copy.end(), s.ailing.begin(), s.ailing.end());
            }
            for (const entry& e : copy) visit(std::string_view{e.key}, e.policy);
            copy.clear();
        }
    }

    keyed_snapshot snapshot() const noexcept {
        return {.size = size_.load(std::memory_order_relaxed),
                .capacity = capacity_,
                .evictions = evictions_.load(std::memory_order_relaxed)};
    }

private:
    struct entry {
        std::string key;
        std::shared_ptr<Policy> policy;
        bool is_ailing = false;  // where it is kept
    };
    using entries = std::list<entry>;

    // Policies by key, those asked for last in front.
    struct alignas(64) shard {
        mutable std::mutex mutex;
        entries recent;
        entries ailing;  // not closed when they were to be forgotten, and not asked for since
        std::unordered_map<std::string_view, typename entries::iterator> by_key;  // the keys are in the entries

        std::shared_ptr<Policy> touch(std::string_view key) {
            const auto found = by_key.find(key);
            if (found == by_key.end()) return nullptr;
            entry& e = *found->second;
            recent.splice(recent.begin(), e.is_ailing ? ailing : recent, found->second);
            e.is_ailing = false;
            return e.policy;
        }
    };

    static keyed_options checked(keyed_options options) {
        if (auto errors = options.validate(); !errors.empty())
            throw configuration_error("keyed policies", std::move(errors));
        return options;
    }
    shard& shard_of(std::string_view key) noexcept {
        // Other bits than those by which the shard's own table spreads its keys.
        const std::uint64_t spread = std::hash<std::string_view>{}(key) * 0x9e3779b97f4a7c15u;
        return shards_[(spread >> 32) % shards_.size()];
    }
    std::size_t index_of(const shard& s) const noexcept { return static_cast<std::size_t>(&s - shards_.data()); }

    // Keeps `made` unless another thread was faster, and returns the one that is kept.
    std::shared_ptr<Policy> insert(shard& s, std::string_view key, std::shared_ptr<Policy> made) {
        entries fresh;
        fresh.push_front({.key = std::string(key), .policy = made});
        const std::scoped_lock hold(s.mutex);
        if (auto known = s.touch(key)) return known;
        s.by_key.emplace(fresh.front().key, fresh.begin());
        s.recent.splice(s.recent.begin(), fresh);
        size_.fetch_add(1, std::memory_order_relaxed);
        return made;
    }

    bool is_full() const noexcept { return size_.load(std::memory_order_relaxed) > capacity_; }

    // Knows of an outage: a circuit that is not closed.
    static bool ails(const Policy& policy) {
        if constexpr (requires { policy.state() == circuit_state::closed; })
            return policy.state() != circuit_state::closed;
        else return false;
    }

    // Forgets those not asked for the longest until the bound is kept. Those in use are moved to the front, those that
    // ail aside, and only so many are looked at in one go, so that many of them do not make every new key slow.
    void shrink(shard& s, bool ailing_too) {
        entries forgotten;  // destroyed after the lock is released
        const std::scoped_lock hold(s.mutex);
        forget_healed(s, forgotten);
        for (std::size_t looks = std::min(most_looks, s.recent.size()); looks > 0 && is_full(); --looks) {
            const auto oldest = std::prev(s.recent.end());
            if (is_in_use(*oldest)) s.recent.splice(s.recent.begin(), s.recent, oldest);
            else if (ails(*oldest->policy)) set_aside(s, oldest);
            else forget(s, s.recent, oldest, forgotten);
        }
        for (std::size_t looks = ailing_too ? s.ailing.size() : 0; looks > 0 && is_full(); --looks) {
            const auto oldest = std::prev(s.ailing.end());
            if (is_in_use(*oldest)) s.touch(oldest->key);
            else forget(s, s.ailing, oldest, forgotten);
        }
    }

    void forget_healed(shard& s, entries& forgotten) {
        auto at = s.ailing.end();
        for (std::size_t looks = std::min<std::size_t>(16, s.ailing.size()); looks > 0 && is_full(); --looks) {
            const auto e = std::prev(at);
            if (is_in_use(*e) || ails(*e->policy)) at = e;
            else forget(s, s.ailing, e, forgotten);
        }
    }

    void set_aside(shard& s, typename entries::iterator e) {
        e->is_ailing = true;
        s.ailing.splice(s.ailing.begin(), s.recent, e);
    }

    void forget(shard& s, entries& from, typename entries::iterator e, entries& forgotten) {
        s.by_key.erase(e->key);
        forgotten.splice(forgotten.end(), from, e);
        size_.fetch_sub(1, std::memory_order_relaxed);
        evictions_.fetch_add(1, std::memory_order_relaxed);
    }

    // The only reference is ours otherwise: it can come to others under the lock only.
    static bool is_in_use(const entry& e) noexcept { return e.policy.use_count() > 1; }

    static constexpr std::size_t most_looks = 128;

    const factory make_;
    const std::size_t capacity_;
    std::vector<shard> shards_;
    std::atomic<std::size_t> size_{0};
    std::atomic<std::uint64_t> evictions_{0};
};

}  // namespace fusebox

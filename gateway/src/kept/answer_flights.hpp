// Requests that miss the same answer at the same time: the first goes to the upstream, the others wait for what it
// brings (single flight). It ends with
//
//   landed        the answer has come: all look whether they may have it, and go their own way otherwise
//   handed_over   whoever asked for it is gone: the next one goes in its place, and the others go on waiting
//
// What turned out not to be kept is remembered for a while, so that requests for it do not wait in vain, one for the
// other's answer. It is remembered by a hash: at worst, others are not waited for that could have been.
//
// Thread-safety: every member may be called from any thread, for a place by one at a time. wake() is called with a lock
// held, and must not come back.
#pragma once

#include <fusebox/detail/walk.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace fusebox::gateway {

class answer_flights {
public:
    static constexpr std::size_t most_waiting = 1000;  // for one answer; more go their own way

    enum class part : unsigned char { none, leads, waits, released };

    // One request's. Must have left before it is destroyed.
    class place {
    public:
        explicit place(detail::waker& wake) noexcept : wake_(wake) {}
        place(const place&) = delete;
        place& operator=(const place&) = delete;

    private:
        friend answer_flights;
        detail::waker& wake_;
        part part_ = part::none;
        std::string key_;
        place* next_ = nullptr;
        place* previous_ = nullptr;
    };

    // leads, waits, or none: goes its own way.
    part join(std::string_view key, place& p);
    // After a wake: leads in the other's place, released, or still waits.
    part part_of(const place& p) const;
    // The leader's. `may_be_kept`: the next such answer, whatever became of this one.
    void land(place& p, bool may_be_kept);
    void hand_over(place& p);
    // Of who waits, or was released.
    void leave(place& p);
    // An answer to it was kept: from now on it is waited for.
    void note_kept(std::string_view key) noexcept;

private:
    struct flight {
        place* first = nullptr;  // of those that wait, in their order
        place* last = nullptr;
        std::size_t waiting = 0;
    };
    static std::size_t hash_of(std::string_view key) noexcept { return std::hash<std::string_view>{}(key) | 1; }
    std::atomic<std::size_t>& not_kept(std::size_t hash) noexcept { return not_kept_[(hash >> 1) % not_kept_.size()]; }
    static void append(flight& f, place& p) noexcept;
    static void remove(flight& f, place& p) noexcept;

    mutable std::mutex mutex_;
    std::unordered_map<std::string, flight> flights_;
    std::array<std::atomic<std::size_t>, 1024> not_kept_{};  // hashes of keys; 0 is none
};

}  // namespace fusebox::gateway

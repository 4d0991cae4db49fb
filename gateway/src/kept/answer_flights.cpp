#include "kept/answer_flights.hpp"

namespace fusebox::gateway {

answer_flights::part answer_flights::join(std::string_view key, place& p) {
    const std::size_t hash = hash_of(key);
    if (not_kept(hash).load(std::memory_order_relaxed) == hash) return part::none;
    p.key_.assign(key);
    const std::lock_guard hold{mutex_};
    const auto [found, is_new] = flights_.try_emplace(p.key_);
    if (is_new) return p.part_ = part::leads;
    if (found->second.waiting == most_waiting) return part::none;
    append(found->second, p);
    return p.part_ = part::waits;
}

answer_flights::part answer_flights::part_of(const place& p) const {
    const std::lock_guard hold{mutex_};
    return p.part_;
}

void answer_flights::land(place& p, bool may_be_kept) {
    const std::size_t hash = hash_of(p.key_);
    if (!may_be_kept) not_kept(hash).store(hash, std::memory_order_relaxed);
    const std::lock_guard hold{mutex_};
    const auto found = flights_.find(p.key_);
    for (place* w = found->second.first; w != nullptr; w = w->next_) {
        w->part_ = part::released;
        w->wake_.wake();
    }
    flights_.erase(found);
    p.part_ = part::none;
}

void answer_flights::hand_over(place& p) {
    const std::lock_guard hold{mutex_};
    p.part_ = part::none;
    const auto found = flights_.find(p.key_);
    place* const next = found->second.first;
    if (next == nullptr) {
        flights_.erase(found);
        return;
    }
    remove(found->second, *next);
    next->part_ = part::leads;
    next->wake_.wake();
}

void answer_flights::leave(place& p) {
    const std::lock_guard hold{mutex_};
    if (p.part_ == part::waits) remove(flights_.find(p.key_)->second, p);
    p.part_ = part::none;
}

void answer_flights::note_kept(std::string_view key) noexcept {
    std::size_t hash = hash_of(key);
    not_kept(hash).compare_exchange_strong(hash, 0, std::memory_order_relaxed);
}

void answer_flights::append(flight& f, place& p) noexcept {
    p.previous_ = f.last;
    p.next_ = nullptr;
    (f.last != nullptr ? f.last->next_ : f.first) = &p;
    f.last = &p;
    ++f.waiting;
}

void answer_flights::remove(flight& f, place& p) noexcept {
    (p.previous_ != nullptr ? p.previous_->next_ : f.first) = p.next_;
    (p.next_ != nullptr ? p.next_->previous_ : f.last) = p.previous_;
    --f.waiting;
}

}  // namespace fusebox::gateway

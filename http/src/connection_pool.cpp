#include <fusebox/http/connection_pool.hpp>

#include <algorithm>

namespace fusebox::http {

std::unique_ptr<client_connection> connection_pool::take() noexcept {
    while (newest_ != nullptr) {
        client_connection& c = *newest_;
        unlink(c);
        std::unique_ptr<client_connection> taken{&c};
        // What no edge has told of yet counts too: bytes that nobody asked for would be taken for the next answer.
        if (!c.socket_.has_untold_edge() && !c.socket_.has_bytes()) return taken;
    }
    return nullptr;
}

void connection_pool::give(std::unique_ptr<client_connection> c) noexcept {
    if (limits_.idle == 0 || !c->reusable()) return;
    const duration rest_for = std::min(limits_.idle_time, c->kept_by_origin());
    if (rest_for <= duration{0}) return;
    if (count_ == limits_.idle) discard(*oldest_);
    client_connection& added = *c.release();
    added.rest();
    added.home_ = this;
    added.notify(on<&client_connection::stirred_while_resting>(&added));
    added.loop().arm_in(added.timer, rest_for);
    added.previous_ = nullptr;
    added.next_ = newest_;
    (newest_ == nullptr ? oldest_ : newest_->previous_) = &added;
    newest_ = &added;
    ++count_;
}

void connection_pool::unlink(client_connection& c) noexcept {
    (c.previous_ == nullptr ? newest_ : c.previous_->next_) = c.next_;
    (c.next_ == nullptr ? oldest_ : c.next_->previous_) = c.previous_;
    c.home_ = nullptr;
    c.notify({});
    c.timer.disarm();
    --count_;
}

void connection_pool::discard(client_connection& c) noexcept {
    unlink(c);
    delete &c;
}

void connection_pool::clear() noexcept {
    while (oldest_ != nullptr) discard(*oldest_);
}

}  // namespace fusebox::http

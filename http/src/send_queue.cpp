#include <fusebox/http/send_queue.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace fusebox::http {

bool send_queue::send(std::span<const iovec> pieces) {
    if (error_ != 0) return false;
    std::size_t taken = 0;
    if (pending_ == 0 && to_.writable()) {
        const transfer t = to_.write(pieces);
        if (t.kind == transfer::failed) {
            error_ = t.error;
            return false;
        }
        taken = t.bytes;
        sent_ += taken;
    }
    keep(pieces, taken);
    return true;
}

bool send_queue::flush() {
    while (first_ != nullptr && to_.writable() && error_ == 0) {
        std::array<iovec, most_pieces> pieces;
        std::size_t n = 0;
        for (const segment* s = first_; s != nullptr && n < pieces.size(); s = s->next)
            pieces[n++] = {s->memory.data() + s->from, s->to - s->from};
        const transfer t = to_.write({pieces.data(), n});
        if (t.kind == transfer::failed) error_ = t.error;
        sent_ += t.bytes;
        pending_ -= t.bytes;
        for (std::size_t left = t.bytes; left > 0;) {
            const std::size_t here = std::min(left, first_->to - first_->from);
            first_->from += here;
            left -= here;
            if (first_->from == first_->to) drop_first();
        }
    }
    return error_ == 0;
}

void send_queue::reset() noexcept {
    while (first_ != nullptr) drop_first();
    pending_ = 0;
    sent_ = 0;
    error_ = 0;
}

// Copies what lies behind the first `skip` bytes of `pieces`.
void send_queue::keep(std::span<const iovec> pieces, std::size_t skip) {
    for (const iovec& piece : pieces) {
        if (skip >= piece.iov_len) {
            skip -= piece.iov_len;
            continue;
        }
        const char* data = static_cast<const char*>(piece.iov_base) + skip;
        std::size_t size = piece.iov_len - skip;
        skip = 0;
        while (size > 0) {
            if (last_ == nullptr || last_->to == pool_.block_size()) {
                auto memory = pool_.take();
                char* const at = memory.data();
                auto* added = ::new (static_cast<void*>(at)) segment{.memory = std::move(memory)};
                (last_ == nullptr ? first_ : last_->next) = added;
                last_ = added;
            }
            const std::size_t fits = std::min(size, pool_.block_size() - last_->to);
            std::memcpy(last_->memory.data() + last_->to, data, fits);
            last_->to += fits;
            data += fits;
            size -= fits;
            pending_ += fits;
        }
    }
}

void send_queue::drop_first() noexcept {
    const auto memory = std::move(first_->memory);  // given back last of all: the segment lies in it
    segment* const next = first_->next;
    first_->~segment();
    first_ = next;
    if (first_ == nullptr) last_ = nullptr;
}

}  // namespace fusebox::http

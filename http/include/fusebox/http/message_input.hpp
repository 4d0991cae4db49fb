// One direction of a connection, read message by message: the head into a block, where it stays while the
// message is served; the body, part by part, to whoever forwards it, without a copy.
//
// Thread-safety: none; the reactor's thread.
#pragma once

#include <fusebox/http/body_reader.hpp>
#include <fusebox/http/connection_memory.hpp>
#include <fusebox/http/stream_socket.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include <sys/uio.h>

namespace fusebox::http {

enum class body_status : std::uint8_t {
    blocked,    // no byte now
    more,       // bytes were passed on; there may be more at once
    complete,   // the body has ended, whatever trailer fields there were are in trailers()
    refused,    // its framing is broken: see body_error()
    truncated,  // the peer closed, or the connection broke, before the end
};

// `Head` is request_head or response_head.
template <class Head>
class message_input {
public:
    message_input(stream_socket& from, connection_memory& memory) noexcept : from_(from), memory_(memory) {}
    ~message_input() { drop(); }

    // -- The head.

    // True when some bytes of a message are here.
    bool begun() const noexcept { return end_ != 0; }
    Head& head() noexcept { return *head_; }
    const Head& head() const noexcept { return *head_; }
    std::span<char> received() const noexcept { return {bytes_, end_}; }

    // Reads once, into what is free of the block.
    transfer fill() {
        take_block();
        const transfer t = from_.read({bytes_ + end_, capacity() - end_});
        end_ += static_cast<std::uint32_t>(t.bytes);
        if (end_ == 0) drop();
        return t;
    }

    // -- The body, once the head is complete.

    void begin_body(framing how) noexcept {
        body_ = body_reader{how};
        counted_left_ = how.kind == framing::length ? how.bytes : 0;
        counted_ = how.kind == framing::length;
        at_ = static_cast<std::uint32_t>(head_->size());
        status_ = body_status::more;
        if (body_.finished()) status_ = body_status::complete;
    }

    // Passes what is here, or can be read at once, to `sink(span<const iovec>)`, which must send or copy it all.
    template <class Sink>
    body_status read_body(Sink&& sink) {
        if (status_ != body_status::more && status_ != body_status::blocked) return status_;
        if (in_trailers_) return read_trailers();
        if (at_ < end_) {
            const std::size_t used = pass_on({bytes_ + at_, end_ - at_}, sink);
            at_ += static_cast<std::uint32_t>(used);
            if (in_trailers_) return read_trailers();
            return status_;
        }
        at_ = end_ = static_cast<std::uint32_t>(head_->size());
        std::span<char> into = memory_.scratch();
        // Never so much that what belongs to the next message would find no place.
        if (counted_) into = into.first(std::min<std::uint64_t>(into.size(), counted_left_));
        else into = into.first(std::min(into.size(), capacity() - end_));
        if (!from_.readable()) return status_ = body_status::blocked;
        const transfer t = from_.read(into);
        if (t.kind == transfer::blocked) return status_ = body_status::blocked;
        if (t.kind != transfer::moved)
            return status_ = t.kind == transfer::finished && body_.whole_at_close() ? body_status::complete
                                                                                    : body_status::truncated;
        const std::string_view read{into.data(), t.bytes};
        const std::size_t used = pass_on(read, sink);
        if (used < read.size()) {
            std::memcpy(bytes_ + end_, read.data() + used, read.size() - used);
            end_ += static_cast<std::uint32_t>(read.size() - used);
        }
        if (in_trailers_) return read_trailers();
        return status_;
    }

    bool body_complete() const noexcept { return status_ == body_status::complete; }
    parse_errc body_error() const noexcept { return in_trailers_ ? trailers_->error() : body_.error(); }
    // Null when there are none.
    const trailer_section* trailers() const noexcept { return trailers_.get(); }
    // Bytes behind the message's end are here already.
    bool has_surplus() const noexcept { return at_ < end_; }

    // Makes ready for the next message; what was read of it already stays.
    void next_message() {
        trailers_.reset();
        in_trailers_ = false;
        if (at_ >= end_) return drop();
        std::memmove(bytes_, bytes_ + at_, end_ - at_);
        end_ -= at_;
        at_ = 0;
        head_->clear();
    }

    // Gives the memory back.
    void drop() noexcept {
        trailers_.reset();
        in_trailers_ = false;
        at_ = end_ = 0;
        if (head_ != nullptr) std::exchange(head_, nullptr)->~Head();
        block_.reset();
    }

private:
    std::size_t capacity() const noexcept { return block_.size() - sizeof(Head); }

    void take_block() {
        if (block_) return;
        block_ = memory_.messages.take();
        head_ = ::new (static_cast<void*>(block_.data())) Head;
        bytes_ = block_.data() + sizeof(Head);
    }

    // Moves a small part up to the one before it, where both lie in memory of ours: many tiny chunks are then sent on
    // as few parts. False when it is not worth it.
    static bool joined(iovec& before, std::string_view part) noexcept {
        constexpr std::size_t small = 512;
        if (part.size() > small) return false;
        char* const behind = static_cast<char*>(before.iov_base) + before.iov_len;
        std::memmove(behind, part.data(), part.size());
        before.iov_len += part.size();
        return true;
    }

    // Passes the body's parts in `read`, which may be written to, on; how many bytes of it were used up.
    template <class Sink>
    std::size_t pass_on(std::string_view read, Sink& sink) {
        std::array<iovec, 32> pieces;
        std::size_t used = 0;
        while (status_ == body_status::more || status_ == body_status::blocked) {
            status_ = body_status::more;
            std::size_t n = 0;
            bool again = true;
            while (again && n < pieces.size()) {
                const auto step = body_.next(read.substr(used));
                used += step.consumed;
                switch (step.kind) {
                    case body_reader::step::data:
                        if (n == 0 || !joined(pieces[n - 1], step.slice))
                            pieces[n++] = {const_cast<char*>(step.slice.data()), step.slice.size()};
                        counted_left_ -= counted_ ? step.slice.size() : 0;
                        if (body_.finished()) status_ = body_status::complete, again = false;
                        else again = used < read.size();
                        break;
                    case body_reader::step::end: status_ = body_status::complete, again = false; break;
                    case body_reader::step::trailers: in_trailers_ = true, again = false; break;
                    case body_reader::step::refused: status_ = body_status::refused, again = false; break;
                    default: again = false; break;
                }
            }
            if (n > 0) {
                from_.loop().spend(reactor::price_of_part);
                sink(std::span<const iovec>{pieces.data(), n});
            }
            if (!again) break;
        }
        return used;
    }

    // They lie in the block, behind the head.
    body_status read_trailers() {
        if (!trailers_) trailers_ = std::make_unique<trailer_section>();
        const auto room = std::min(static_cast<std::uint32_t>(capacity() - at_), head_limits::most_bytes);
        for (;;) {
            const head_limits limits{.bytes = room, .start_line = 0};
            switch (trailers_->parse({bytes_ + at_, end_ - at_}, limits)) {
                case parse_status::complete:
                    at_ += static_cast<std::uint32_t>(trailers_->size());
                    trailers_->drop_named_by(*head_);
                    return status_ = body_status::complete;
                case parse_status::refused: return status_ = body_status::refused;
                default: break;
            }
            const transfer t = from_.readable() ? fill() : transfer{};
            if (t.kind == transfer::blocked) return status_ = body_status::blocked;
            if (t.kind != transfer::moved) return status_ = body_status::truncated;
        }
    }

    stream_socket& from_;
    connection_memory& memory_;
    block_pool::block block_;
    Head* head_ = nullptr;
    char* bytes_ = nullptr;
    std::uint32_t at_ = 0;   // of the body, or of the next message
    std::uint32_t end_ = 0;  // of what was received
    bool counted_ = false;
    bool in_trailers_ = false;
    body_status status_ = body_status::complete;
    std::uint64_t counted_left_ = 0;
    body_reader body_{framing{}};
    std::unique_ptr<trailer_section> trailers_;
};

}  // namespace fusebox::http

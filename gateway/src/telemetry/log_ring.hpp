// A queue of byte records from one thread to another, of bounded size. A record that finds no room is dropped and
// counted: the writer never waits, and allocates nothing.
//
// Thread-safety: one thread writes, one reads; dropped() from any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace fusebox::gateway {

class log_ring {
public:
    enum class pushed : unsigned char {
        stored,
        stored_past_half,  // from now on more than half is taken: the reader should hurry
        dropped,
    };

    // `bytes` is a power of two, at least 64. No record may be longer than half of it.
    explicit log_ring(std::size_t bytes) : bytes_(std::make_unique<char[]>(bytes)), mask_(bytes - 1) {}

    // The writer's: a record made of these parts, in their order.
    pushed push(std::span<const std::string_view> parts) noexcept {
        std::size_t size = 0;
        for (const std::string_view p : parts) size += p.size();
        const std::size_t need = whole(prefix + size);
        const std::uint64_t begin = end_.load(std::memory_order_relaxed);
        const std::size_t to_edge = capacity() - (begin & mask_);
        const std::uint64_t at = need <= to_edge ? begin : begin + to_edge;
        if (need > capacity() / 2 || !has_room(at + need)) return drop();
        if (at != begin) write_size(begin, skip);
        write_size(at, static_cast<std::uint32_t>(size));
        char* to = bytes_.get() + (at & mask_) + prefix;
        for (const std::string_view p : parts) {
            if (!p.empty()) std::memcpy(to, p.data(), p.size());
            to += p.size();
        }
        end_.store(at + need, std::memory_order_release);
        const std::uint64_t half = read_seen_ + capacity() / 2;
        if (begin > half || at + need <= half) return pushed::stored;
        return pushed::stored_past_half;
    }

    // The reader's: the oldest record, valid until pop(). Its data() is null when there is none.
    std::string_view front() noexcept {
        for (;;) {
            const std::uint64_t at = read_.load(std::memory_order_relaxed);
            if (at == end_.load(std::memory_order_acquire)) return {};
            std::uint32_t size = 0;
            std::memcpy(&size, bytes_.get() + (at & mask_), sizeof size);
            if (size != skip) return {bytes_.get() + (at & mask_) + prefix, size};
            read_.store(at + capacity() - (at & mask_), std::memory_order_release);
        }
    }
    void pop() noexcept {
        const std::uint64_t at = read_.load(std::memory_order_relaxed);
        std::uint32_t size = 0;
        std::memcpy(&size, bytes_.get() + (at & mask_), sizeof size);
        read_.store(at + whole(prefix + size), std::memory_order_release);
    }

    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t prefix = 8;                  // keeps the records aligned
    static constexpr std::uint32_t skip = ~std::uint32_t{0};  // up to the edge lies nothing

    static constexpr std::size_t whole(std::size_t n) noexcept { return (n + 7) & ~std::size_t{7}; }
    std::size_t capacity() const noexcept { return mask_ + 1; }
    void write_size(std::uint64_t at, std::uint32_t size) noexcept {
        std::memcpy(bytes_.get() + (at & mask_), &size, sizeof size);
    }
    bool has_room(std::uint64_t end) noexcept {
        if (end - read_seen_ <= capacity() / 2) return true;
        read_seen_ = read_.load(std::memory_order_acquire);
        return end - read_seen_ <= capacity();
    }
    pushed drop() noexcept {
        dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return pushed::dropped;
    }

    const std::unique_ptr<char[]> bytes_;
    const std::size_t mask_;
    alignas(64) std::atomic<std::uint64_t> end_{0};  // the writer's line
    std::uint64_t read_seen_ = 0;
    std::atomic<std::uint64_t> dropped_{0};
    alignas(64) std::atomic<std::uint64_t> read_{0};  // the reader's
};

}  // namespace fusebox::gateway

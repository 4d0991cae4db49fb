// Blocks of memory of one size, handed out last in, first out, so that the next taker finds it in the cache.
//
// Connections hold a block only while bytes lie in it: ten thousand idle ones hold none.
//
// Thread-safety: none; one pool a thread. Blocks must be given back before the pool goes.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <span>
#include <utility>

namespace fusebox::http {

class block_pool {
public:
    // A block, given back when destroyed. Empty after a move.
    class block {
    public:
        block() = default;
        block(block&& other) noexcept
            : pool_(std::exchange(other.pool_, nullptr)), data_(std::exchange(other.data_, nullptr)) {}
        block& operator=(block&& other) noexcept {
            if (this != &other) {
                reset();
                pool_ = std::exchange(other.pool_, nullptr);
                data_ = std::exchange(other.data_, nullptr);
            }
            return *this;
        }
        ~block() { reset(); }

        explicit operator bool() const noexcept { return data_ != nullptr; }
        char* data() const noexcept { return data_; }
        std::size_t size() const noexcept { return pool_->block_size_; }
        void reset() noexcept {
            if (data_ != nullptr) pool_->give(std::exchange(data_, nullptr));
        }

    private:
        friend block_pool;
        block(block_pool& pool, char* data) noexcept : pool_(&pool), data_(data) {}
        block_pool* pool_ = nullptr;
        char* data_ = nullptr;
    };

    // Of `block_size` bytes each, at least that of a pointer; `spare` of them are kept for the next taker,
    // more go back to the system.
    explicit block_pool(std::size_t block_size, std::size_t spare = 1024) noexcept
        : block_size_(block_size), spare_(spare) {}
    block_pool(const block_pool&) = delete;
    block_pool& operator=(const block_pool&) = delete;
    ~block_pool() {
        while (first_ != nullptr) ::operator delete(std::exchange(first_, first_->next));
    }

    // Throws bad_alloc when the system has no more memory.
    block take() {
        ++out_;
        if (first_ == nullptr) return {*this, static_cast<char*>(::operator new(block_size_))};
        --kept_;
        return {*this, reinterpret_cast<char*>(std::exchange(first_, first_->next))};
    }

    std::size_t block_size() const noexcept { return block_size_; }
    std::size_t in_use() const noexcept { return out_; }

private:
    struct link {
        link* next;
    };

    void give(char* data) noexcept {
        --out_;
        if (kept_ == spare_) return ::operator delete(data);
        ++kept_;
        first_ = ::new (static_cast<void*>(data)) link{first_};
    }

    std::size_t block_size_;
    std::size_t spare_;
    link* first_ = nullptr;
    std::size_t kept_ = 0;
    std::size_t out_ = 0;
};

}  // namespace fusebox::http

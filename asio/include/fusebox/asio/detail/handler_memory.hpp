// Memory for one handler at a time, in the object that the handler is about: Asio's own cache for handlers keeps but
// two blocks of a thread, which are left to others so.
//
// Who gives a handler an allocator of it sees to it that the handler, called or dropped, keeps the memory alive:
// Asio gives the memory back just before. Not thread-safe.
#pragma once

#include <cstddef>
#include <new>

namespace fusebox::asio::detail {

class handler_memory {
public:
    handler_memory() = default;
    handler_memory(const handler_memory&) = delete;
    handler_memory& operator=(const handler_memory&) = delete;

    // What does not fit, or comes while the place is taken, is asked of the heap.
    void* take(std::size_t size) {
        if (taken_ || size > sizeof place_) return ::operator new(size);
        taken_ = true;
        return place_;
    }
    void give_back(void* block) noexcept {
        if (block == place_) taken_ = false;
        else ::operator delete(block);
    }

private:
    alignas(std::max_align_t) std::byte place_[256];  // a timer's operation takes 192
    bool taken_ = false;
};

// The allocator to bind to the handler.
template <class T = void>
class handler_allocator {
public:
    using value_type = T;

    explicit handler_allocator(handler_memory& memory) noexcept : memory_(&memory) {}
    template <class U>
    handler_allocator(const handler_allocator<U>& other) noexcept : memory_(other.memory_) {}

    T* allocate(std::size_t n) { return static_cast<T*>(memory_->take(n * sizeof(T))); }
    void deallocate(T* block, std::size_t) noexcept { memory_->give_back(block); }

    friend bool operator==(const handler_allocator&, const handler_allocator&) = default;

private:
    template <class U>
    friend class handler_allocator;

    handler_memory* memory_;
};

}  // namespace fusebox::asio::detail

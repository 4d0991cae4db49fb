// A member function bound to its object: two words, no allocation.
//
//   watch socket_{on<&connection::socket_ready>(this)};
#pragma once

namespace fusebox::http {

struct callback {
    void (*function)(void*) = nullptr;
    void* object = nullptr;
    void operator()() const { function(object); }
};

template <auto Member, class T>
constexpr callback on(T* object) noexcept {
    return {[](void* o) { (static_cast<T*>(o)->*Member)(); }, object};
}

}  // namespace fusebox::http

#include "kept/answer_store.hpp"

#include "text/list_value.hpp"

#include <algorithm>
#include <iterator>

namespace fusebox::gateway {

namespace {

// Fields that are written anew, or were said by others on the way and not by the origin.
constexpr http::field_set written_anew{http::field_id::age, http::field_id::content_length,
                                       http::field_id::proxy_status};

// All lines of a field, as one: those that went to the origin, which did not see what Connection names.
std::string joined(const http::field_section& head, std::string_view name) {
    std::string all;
    for (std::size_t i = 0; i < head.count(); ++i)
        if (!head.dropped(i) && http::equal_names(head.name(i), name))
            all.append(all.empty() ? "" : ", ").append(head.value(i));
    return all;
}

}  // namespace

kept_answer::kept_answer(const http::request_head& request, const http::response_head& answer, const cache_terms& t,
                         time_point now)
    : status(answer.status()),
      terms(t),
      came(now),
      etag(answer.find(http::field_id::etag).value_or("")),
      last_modified(answer.find(http::field_id::last_modified).value_or("")),
      body(std::make_shared<std::string>()) {
    for (std::size_t i = 0; i < answer.count(); ++i) {
        if (answer.id(i) == http::field_id::vary) {
            list_value names{answer.value(i)};
            while (const auto name = names.next()) varies.push_back({std::string(*name), joined(request, *name)});
        }
        // HEAD has no body of its own to count.
        const bool counted =
            answer.id(i) == http::field_id::content_length && request.method() == http::method_id::head;
        if (answer.dropped(i) || (written_anew.contains(answer.id(i)) && !counted)) continue;
        fields.append(answer.name(i)).append(": ").append(answer.value(i)).append("\r\n");
    }
}

bool kept_answer::fits(const http::request_head& request) const {
    return std::ranges::all_of(varies, [&](const named_value& v) { return joined(request, v.name) == v.value; });
}

std::size_t kept_answer::bytes() const noexcept {
    std::size_t all = sizeof *this + fields.capacity() + body->capacity() + etag.capacity() + last_modified.capacity();
    for (const named_value& v : varies) all += sizeof v + v.name.capacity() + v.value.capacity();
    return all;
}

std::shared_ptr<const kept_answer> answer_store::find(std::string_view key, const http::request_head& request) {
    const std::lock_guard hold{mutex_};
    for (auto [i, end] = by_key_.equal_range(key); i != end; ++i) {
        if (!i->second->answer->fits(request)) continue;
        entries_.splice(entries_.begin(), entries_, i->second);
        return i->second->answer;
    }
    return nullptr;
}

void answer_store::keep(std::string_view key, const http::request_head& request,
                        std::shared_ptr<const kept_answer> answer) {
    dropped gone;
    const std::lock_guard hold{mutex_};
    std::vector<place> others;
    for (auto [i, end] = by_key_.equal_range(key); i != end; ++i) others.push_back(i->second);
    std::erase_if(others, [&](place p) {
        const bool replaced = p->answer->fits(request);
        if (replaced) drop(p, gone);
        return replaced;
    });
    if (others.size() >= most_variants)
        drop(*std::ranges::min_element(others, {}, [](place p) { return p->answer->came; }), gone);
    const std::uint64_t size = answer->bytes() + key.size();
    if (size > most_bytes_) return;
    while (!entries_.empty() && (entries_.size() >= most_answers_ || bytes_ + size > most_bytes_))
        drop(std::prev(entries_.end()), gone);
    entries_.push_front({std::string(key), std::move(answer)});
    by_key_.emplace(entries_.front().key, entries_.begin());
    bytes_ += size;
}

void answer_store::forget(std::string_view key) {
    dropped gone;
    const std::lock_guard hold{mutex_};
    for (auto known = by_key_.find(key); known != by_key_.end(); known = by_key_.find(key)) drop(known->second, gone);
}

bool answer_store::reserve(std::uint64_t bytes) noexcept {
    if (coming_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= most_bytes_) return true;
    release(bytes);
    return false;
}

answer_store::totals answer_store::kept() const {
    const std::lock_guard hold{mutex_};
    return {entries_.size(), bytes_};
}

void answer_store::drop(place which, dropped& into) {
    auto [i, end] = by_key_.equal_range(which->key);
    by_key_.erase(std::find_if(i, end, [&](const auto& named) { return named.second == which; }));
    bytes_ -= which->answer->bytes() + which->key.size();
    into.splice(into.end(), entries_, which);
}

}  // namespace fusebox::gateway

// What a configuration may hold: the table of keys is a tree of shapes, and everything that knows keys walks it
// (reader, printer, schema, reference). A shape is data, and the few functions that tie it to a C++ type.
//
// Objects are handed around as void*; shape_of<T> is a shape for a T, and section<T> checks, at compile time,
// that a key's shape is one for what the key's accessor returns. Private.
#pragma once

#include "config/notation.hpp"

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fusebox::gateway::config {

struct key;

struct shape {
    enum class kind : unsigned char { text, integer, number, boolean, section, list, map };

    kind what = kind::text;
    std::string type{};  // for people: "duration"

    // -- Of a single value.
    std::string pattern{};                  // that a text has (ECMAScript), for editors
    std::vector<std::string> choices{};     // the only texts there are
    std::optional<double> least{}, most{};  // of a number. Of a text: such whole numbers are allowed beside it
    bool free_text = false;                 // anything goes, so what looks like a number needs quotes
    std::function<std::string(std::string_view, void*)> read{};  // what is wrong, or nothing
    std::function<std::string(const void*)> write{};
    bool has_lines = false;  // a text of several lines; others have no control character at all

    // -- Of a section. Keys are read in this order, whatever the order of the file.
    std::vector<key> keys;    // no initializer, which would need to know what a key is
    std::string shorthand{};  // the key that a single value in place of the section stands for
    std::string policy{};     // what it is called under `policies`; then a name may stand in its place
    std::shared_ptr<const void> defaults{};
    std::function<std::vector<config_error>(const void*)> validate{};
    std::function<void(void*)> finish{};               // after its keys are read
    std::function<std::string(const void*)> preset{};  // the name of the preset it started from

    // -- Of a list, and of a map, which is a list whose elements have names.
    std::shared_ptr<const shape> element{};
    bool not_empty = false;    // an empty one cannot be meant
    bool one_or_many = false;  // a single element may stand without its brackets
    std::function<void(void*)> empty{};
    std::function<void*(void*, const std::string& name)> add{};
    std::function<std::size_t(const void*)> size{};
    std::function<const void*(const void*, std::size_t)> item{};
    std::function<std::string(const void*, std::size_t)> name{};
    std::function<std::vector<std::string>(const void*)> texts{};  // of a list of single values

    bool is_single() const noexcept { return what < kind::section; }
    const key* find(std::string_view name) const noexcept;
    std::vector<std::string> key_names() const;
};

struct key {
    std::string name;
    shape value;
    std::string doc;
    std::function<void*(void*)> make;              // where its value is; made if need be
    std::function<const void*(const void*)> find;  // the same, or null when it is switched off
    std::function<void(void*)> switch_off{};       // what `none` does, where it may be written
    bool required = false;
    bool secret = false;
    std::string option{};  // its name in validate()'s errors, when that is another
};

inline const key* shape::find(std::string_view wanted) const noexcept {
    for (const key& k : keys)
        if (k.name == wanted) return &k;
    return nullptr;
}

inline std::vector<std::string> shape::key_names() const {
    std::vector<std::string> names;
    for (const key& k : keys) names.push_back(k.name);
    return names;
}

template <class T>
struct shape_of : shape {};

// A single value from a pair of functions like those of notation.hpp.
template <class T, class Read, class Write>
shape_of<T> single(shape::kind what, std::string type, std::string pattern, Read read, Write write) {
    shape_of<T> s;
    s.what = what;
    s.type = std::move(type);
    s.pattern = std::move(pattern);
    s.read = [read](std::string_view text, void* into) -> std::string {
        auto value = read(text);
        if (!value) return std::move(value).error();
        *static_cast<T*>(into) = std::move(*value);
        return {};
    };
    s.write = [write](const void* from) { return std::string{write(*static_cast<const T*>(from))}; };
    return s;
}

template <class T>
shape_of<std::vector<T>> list_of(shape_of<T> element) {
    using list = std::vector<T>;
    shape_of<list> s;
    s.what = shape::kind::list;
    s.type = "list of " + element.type;
    s.empty = [](void* l) { static_cast<list*>(l)->clear(); };
    s.add = [](void* l, const std::string&) -> void* { return &static_cast<list*>(l)->emplace_back(); };
    s.size = [](const void* l) { return static_cast<const list*>(l)->size(); };
    s.item = [](const void* l, std::size_t i) -> const void* { return &(*static_cast<const list*>(l))[i]; };
    if (element.is_single())
        s.texts = [write = element.write](const void* l) {
            std::vector<std::string> all;
            for (const T& t : *static_cast<const list*>(l)) all.push_back(write(&t));
            return all;
        };
    s.element = std::make_shared<shape>(std::move(element));
    return s;
}

// A list that a single element may stand for.
template <class T>
shape_of<std::vector<T>> one_or_many(shape_of<T> element) {
    auto s = list_of(std::move(element));
    s.type = s.element->type + ", or a list of them";
    s.one_or_many = true;
    return s;
}

// One that says nothing when it is empty, where leaving it out says something.
template <class T>
shape_of<std::vector<T>> filled(shape_of<std::vector<T>> list) {
    list.not_empty = true;
    return list;
}

// Elements by name: `name` is the member that has it, `value` what stands behind the colon.
template <class T, class Value, class M>
shape_of<std::vector<T>> map_of(std::string T::* name, Value value, shape_of<M> element) {
    using list = std::vector<T>;
    shape_of<list> s;
    s.what = shape::kind::map;
    s.type = "mapping of names to " + element.type;
    s.empty = [](void* l) { static_cast<list*>(l)->clear(); };
    s.add = [name, value](void* l, const std::string& n) -> void* {
        T& made = static_cast<list*>(l)->emplace_back();
        made.*name = n;
        return &std::invoke(value, made);
    };
    s.size = [](const void* l) { return static_cast<const list*>(l)->size(); };
    s.item = [value](const void* l, std::size_t i) -> const void* {
        return &std::invoke(value, (*static_cast<const list*>(l))[i]);
    };
    s.name = [name](const void* l, std::size_t i) { return (*static_cast<const list*>(l))[i].*name; };
    s.element = std::make_shared<shape>(std::move(element));
    return s;
}

template <class T>
struct as_optional : std::false_type {
    using value = T;
};
template <class T>
struct as_optional<std::optional<T>> : std::true_type {
    using value = T;
};

// Builds the shape of a struct, key by key. An accessor is a pointer to a member, or [](auto& t) -> auto& {…}.
// A member that is an optional may be switched off by `none`.
template <class T>
class section {
public:
    explicit section(std::string type) {
        shape_.what = shape::kind::section;
        shape_.type = std::move(type);
        shape_.defaults = std::make_shared<const T>();
        if constexpr (requires(const T& t) {
                          { t.validate() } -> std::same_as<std::vector<config_error>>;
                      })
            shape_.validate = [](const void* t) { return static_cast<const T*>(t)->validate(); };
    }

    template <class At, class M>
    section& key(std::string name, At at, shape_of<M> value, std::string doc) {
        using member = std::remove_cvref_t<std::invoke_result_t<At, T&>>;
        static_assert(std::same_as<M, typename as_optional<member>::value>, "a shape for another type");
        config::key k{std::move(name), std::move(value), std::move(doc), {}, {}};
        if constexpr (as_optional<member>{}) {
            k.make = [at](void* t) -> void* {
                auto& found = std::invoke(at, *static_cast<T*>(t));
                return found ? &*found : &found.emplace();
            };
            k.find = [at](const void* t) -> const void* {
                const auto& found = std::invoke(at, *static_cast<const T*>(t));
                return found ? &*found : nullptr;
            };
            k.switch_off = [at](void* t) { std::invoke(at, *static_cast<T*>(t)).reset(); };
        } else {
            k.make = [at](void* t) -> void* { return &std::invoke(at, *static_cast<T*>(t)); };
            k.find = [at](const void* t) -> const void* { return &std::invoke(at, *static_cast<const T*>(t)); };
        }
        shape_.keys.push_back(std::move(k));
        return *this;
    }

    // One alternative of a variant, which writing the key chooses.
    template <class M, class Variant>
    section& alternative(std::string name, Variant T::* of, shape_of<M> value, std::string doc) {
        config::key k{std::move(name), std::move(value), std::move(doc), {}, {}};
        k.make = [of](void* t) -> void* {
            auto& variant = static_cast<T*>(t)->*of;
            return std::holds_alternative<M>(variant) ? &std::get<M>(variant) : &variant.template emplace<M>();
        };
        k.find = [of](const void* t) -> const void* { return std::get_if<M>(&(static_cast<const T*>(t)->*of)); };
        shape_.keys.push_back(std::move(k));
        return *this;
    }

    // Of the key before.
    section& required() { return shape_.keys.back().required = true, *this; }
    section& secret() { return shape_.keys.back().secret = true, *this; }
    // May be switched off by `none`, although it is no optional.
    template <class Off, class IsOff>
    section& can_be_off(Off off, IsOff is_off) {
        config::key& k = shape_.keys.back();
        k.switch_off = [off](void* t) { off(*static_cast<T*>(t)); };
        k.find = [find = k.find, is_off](const void* t) {
            return is_off(*static_cast<const T*>(t)) ? nullptr : find(t);
        };
        return *this;
    }
    // Has a meaning only then; otherwise it is not shown.
    template <class When>
    section& only_if(When when) {
        config::key& k = shape_.keys.back();
        k.find = [find = k.find, when](const void* t) { return when(*static_cast<const T*>(t)) ? find(t) : nullptr; };
        return *this;
    }
    // Something to do before the key's value is read.
    template <class Before>
    section& made_by(Before before) {
        config::key& k = shape_.keys.back();
        k.make = [before, make = k.make](void* t) {
            before(*static_cast<T*>(t));
            return make(t);
        };
        return *this;
    }
    section& option(std::string name) { return shape_.keys.back().option = std::move(name), *this; }

    // Of the section.
    section& shorthand(std::string key) { return shape_.shorthand = std::move(key), *this; }
    section& policy(std::string name) { return shape_.policy = std::move(name), *this; }
    template <class Check>
    section& validate(Check check) {
        shape_.validate = [check](const void* t) { return check(*static_cast<const T*>(t)); };
        return *this;
    }
    template <class Finish>
    section& finish(Finish finish) {
        shape_.finish = [finish](void* t) { finish(*static_cast<T*>(t)); };
        return *this;
    }
    section& defaults(T object) {
        shape_.defaults = std::make_shared<const T>(std::move(object));
        return *this;
    }
    section& preset(std::string T::* name) {
        shape_.preset = [name](const void* t) { return static_cast<const T*>(t)->*name; };
        return *this;
    }

    operator shape_of<T>() && { return std::move(shape_); }
    operator shape_of<T>() const& { return shape_; }

private:
    shape_of<T> shape_;
};

}  // namespace fusebox::gateway::config

// A demo's page: one look for all of them, in the language that the browser asks for. Works without JavaScript unless
// it is given some, loads nothing from elsewhere, and runs nothing that it did not write itself. Stateless.
#pragma once

#include <fusebox/circuit_event.hpp>
#include <fusebox/http/message.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace stage {

enum class language { english, french, spanish, portuguese, vietnamese };
// Something in each language, in their order above.
template <class T>
using in_each_language = std::array<T, 5>;
template <class T>
const T& in(language which, const in_each_language<T>& of) {
    return of[static_cast<std::size_t>(which)];
}

// By the weights of an Accept-Language header: the one most wished for; English when none of them is.
language preferred_language(std::string_view accept_language);
// "en", "fr", "es", "pt", "vi"
const char* code_of(language which);

// `text` so that it means itself in HTML, in an attribute's quotes too.
std::string escape_html(std::string_view text);

// A button that works without JavaScript: a form for GET, or for POST. A label is escaped.
std::string get_button(std::string_view path, std::string_view label);
std::string post_button(std::string_view path, std::string_view label);

// The class that colours a circuit's state, with the word beside it: "closed", "open", "half-open".
const char* css_class(fusebox::circuit_state state);

struct page {
    language in = language::english;
    std::string title{};
    std::string heading{};
    std::string content{};         // HTML
    unsigned refresh_seconds = 0;  // the browser asks again by itself; 0: never
    std::string script{};          // may ask this page's own server
};

fusebox::http::response to_response(const page& shown);

}  // namespace stage

// JSON as these services read and answer it: {"detail": …} says what is wrong. Stateless.
#pragma once

#include <stage/server.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace orders {

using json = nlohmann::ordered_json;
using stage::healthy;
using stage::request;
using stage::response;

inline response answer(int status, const json& body) {
    return stage::json_response(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

inline response detail(int status, const std::string& text) {
    return answer(status, json{{"detail", text}});
}

// The most of anything that one order may ask for.
inline constexpr std::int64_t most_pieces = 1'000'000;
inline constexpr std::int64_t any_id = INT64_MAX;

// An object; otherwise a sentence.
std::expected<json, std::string> read_object(const std::string& body);
// object[name], a whole number from 1 to `at_most`; otherwise a sentence that calls it `where` + name.
std::expected<std::int64_t, std::string> read_number(const json& object, const std::string& name, std::int64_t at_most,
                                                     const std::string& where = "");
// An id as others write it: 1, or "1".
std::optional<std::int64_t> as_id(const json& value);
// object[name], a text; `otherwise` when it is not there.
std::expected<std::string, std::string> read_text(const json& object, const std::string& name,
                                                  const std::string& otherwise);
// A parameter of a path; 0 when it is no such number, which no row has.
std::int64_t id_of(const request& asked, const std::string& parameter = "id");

}  // namespace orders

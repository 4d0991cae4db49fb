#include <orders/json_body.hpp>

#include <fmt/format.h>

#include <charconv>

namespace orders {

namespace {

constexpr std::size_t longest_text = 500;

std::optional<std::int64_t> parse_id(std::string_view text) {
    std::int64_t id = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (failed != std::errc{} || end != text.data() + text.size() || id < 1) return std::nullopt;
    return id;
}

}  // namespace

std::expected<json, std::string> read_object(const std::string& body) {
    auto read = json::parse(body, nullptr, false);
    if (read.is_discarded() || !read.is_object()) return std::unexpected("the body must be a JSON object");
    return read;
}

std::expected<std::int64_t, std::string> read_number(const json& object, const std::string& name, std::int64_t at_most,
                                                     const std::string& where) {
    const auto refuse = [&](const std::string& instead) {
        return std::unexpected(
            fmt::format("{}{} must be a whole number from 1 to {}, not {}", where, name, at_most, instead));
    };
    const auto found = object.find(name);
    if (found == object.end()) return refuse("left out");
    const bool fits = found->is_number_integer() && *found >= 1 && *found <= at_most;
    if (!fits) return refuse(found->dump().substr(0, 40));
    return found->get<std::int64_t>();
}

std::expected<std::string, std::string> read_text(const json& object, const std::string& name,
                                                  const std::string& otherwise) {
    const auto found = object.find(name);
    if (found == object.end()) return otherwise;
    if (!found->is_string() || found->get_ref<const std::string&>().size() > longest_text ||
        found->get_ref<const std::string&>().contains('\0'))
        return std::unexpected(fmt::format("{} must be a text of at most {} bytes", name, longest_text));
    return found->get<std::string>();
}

std::optional<std::int64_t> as_id(const json& said) {
    if (said.is_string()) return parse_id(said.get_ref<const std::string&>());
    const bool fits = said.is_number_integer() && said >= 1 && said <= any_id;
    return fits ? std::optional{said.get<std::int64_t>()} : std::nullopt;
}

std::int64_t id_of(const request& asked, const std::string& parameter) {
    return parse_id(asked.parameter(parameter)).value_or(0);
}

}  // namespace orders

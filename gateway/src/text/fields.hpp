// The fields of a message, as what decides here reads and writes them; whoever has the message implements these.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace fusebox::gateway {

class field_source {
public:
    // The value of the n-th line (from 0) of that name, compared without regard to case; nothing when there are fewer.
    virtual std::optional<std::string_view> line(std::string_view name, std::size_t n) const = 0;

protected:
    ~field_source() = default;
};

class field_sink {
public:
    // One more line at the end of the head. Both texts are valid during the call only.
    virtual void add(std::string_view name, std::string_view value) = 0;

protected:
    ~field_sink() = default;
};

}  // namespace fusebox::gateway

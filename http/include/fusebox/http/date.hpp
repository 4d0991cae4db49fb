// The present for the field Date (RFC 9110, section 5.6.7), made once a second and thread.
#pragma once

#include <string_view>

namespace fusebox::http {

// "Sun, 06 Nov 1994 08:49:37 GMT". Valid until this thread asks again.
std::string_view http_date() noexcept;

}  // namespace fusebox::http

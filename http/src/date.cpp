#include <fusebox/http/date.hpp>

#include <array>
#include <ctime>

namespace fusebox::http {

std::string_view http_date() noexcept {
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    thread_local std::time_t made_at = -1;
    thread_local char text[] = "Thu, 01 Jan 1970 00:00:00 GMT";
    timespec now;
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != made_at) {
        made_at = now.tv_sec;
        std::tm t;
        ::gmtime_r(&made_at, &t);
        const auto two = [](char* at, int number) {
            at[0] = static_cast<char>('0' + number / 10);
            at[1] = static_cast<char>('0' + number % 10);
        };
        for (int i = 0; i < 3; ++i) {
            text[i] = days[static_cast<std::size_t>(t.tm_wday)][i];
            text[8 + i] = months[static_cast<std::size_t>(t.tm_mon)][i];
        }
        two(text + 5, t.tm_mday);
        two(text + 12, (t.tm_year + 1900) / 100);
        two(text + 14, t.tm_year % 100);
        two(text + 17, t.tm_hour);
        two(text + 20, t.tm_min);
        two(text + 23, t.tm_sec);
    }
    return {text, sizeof text - 1};
}

}  // namespace fusebox::http

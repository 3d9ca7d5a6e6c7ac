// Boost.JSON, which the router compiles together with Asio.
#include <boost/json/src.hpp>

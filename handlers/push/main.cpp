// push: WebSocket clients open a topic, an HTTP POST to it reaches all of them. Run it as one process: topics live in
// it.
#include <cstdio>
#include <exception>

#include "push/house.hpp"

int main() {
    try {
        push::House().run();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "push: %s\n", error.what());
        return 1;
    }
}

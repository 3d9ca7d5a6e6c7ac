// chat: rooms over TCP, one line a message. Run it as one process: rooms live in it.
#include <memory>

#include "chat/chat.hpp"
#include "sdk/server.hpp"

int main() {
    return portier::sdk::serve(
        "chat", [](portier::sdk::Connections& connections) { return std::make_unique<chat::Chat>(connections); });
}
